"""Every process of a stack behind a pooler in transaction mode: requests by both ways in, sent, and closed."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from redis import Redis
from sqlalchemy import Engine, make_url, text

from intake.access.tokens import mint_key
from intake.producer import send
from ledger.accounts import access
from ledger.delivery.vendors import announce
from ledger.sealing import MasterKeys, generate_master_key
from tasks.sealed import ProducerKeys, generate_producer_key
from tests.forked import forked_sandbox
from tests.ledger.between import pooler
from tests.ledger.databases import address
from tests.ports import free_port
from tests.worker_host import Host

PRIVATE = generate_producer_key()
REQUEST = {"kind": "opt_out", "vendors": ["dfinery"], "subjects": [{"user_id": "u-1"}]}


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.mark.timeout(280)
def test_a_stack_behind_a_pooler_does_its_work(
    tmp_path: Path, engine: Engine, postgres_url: str, redis: Redis, redis_url: str
) -> None:
    keys, where, minted, port = generate_master_key(), make_url(postgres_url), mint_key(), free_port()
    with engine.begin() as connection:
        announce(connection, {"dfinery": 10})
        access.add_key(
            connection, prefix=minted.prefix, name="shop", role="submitter", digest=minted.digest, by="test", days=1
        )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENT_")}
    with forked_sandbox(tmp_path, faults="none", seed=1) as vendors, pooler(postgres_url, connections=6) as between:
        environment = {
            **clean,
            **{name: value for name, value in vendors.environment.items() if "DFINERY" in name},
            "CONSENT_DATA_DIR": str(tmp_path / "data"),
            "CONSENT_DATABASE_URL": address(f"postgresql://{where.username}@x/{where.database}", port=between.port),
            "CONSENT_DATABASE_POOLER": "transaction",
            "CONSENT_REDIS_URL": redis_url,
            "CONSENT_MASTER_KEYS": keys,
            "CONSENT_PRODUCER_KEYS": PRIVATE,
            "CONSENT_WEB_PORT": str(port),
        }
        host = Host(engine, MasterKeys.parse(keys), tmp_path, environment)
        try:
            host.start()
            host.start_too("take-in", [sys.executable, "-m", "cli", "take-in"])
            host.start_too("web", [sys.executable, "-m", "cli", "web", "--port", str(port)])
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                host.await_that(lambda: _is_ready(client))
                headers = {"Authorization": f"Bearer {minted.secret}", "Idempotency-Key": "one"}
                assert client.post("/v1/requests", json=REQUEST, headers=headers).status_code == 201
            send(REQUEST, public_key=str(ProducerKeys.parse(PRIVATE).public), redis_url=redis_url)
            host.await_true("SELECT count(*) = 2 FROM requests WHERE status = 'completed'")
        finally:
            host.stop()
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM outcomes WHERE outcome = 'accepted'")).scalar() == 2
        assert between.broken == []


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False
