"""A worker and beat as separate processes: no fault of Redis ends them, and begun deeds are finished."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from ledger.delivery.vendors import announce
from ledger.desk import selected
from ledger.sealing import MasterKeys, generate_master_key
from local.sandbox import sandbox
from tasks import selections
from tasks.selections import Criteria, Deed, Order
from tests.redis_servers import Server, redis_server
from tests.worker_host import Host

REQUESTS = 25
CANCELLED = "SELECT count(*) FROM requests WHERE status = 'cancelled'"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with redis_server(tmp_path) as running:
        yield running


@pytest.fixture
def host(tmp_path: Path, engine: Engine, postgres_url: str, server: Server) -> Iterator[Host]:
    keys = generate_master_key()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENT_")}
    with sandbox(tmp_path, faults="none", seed=1) as vendors:
        environment = {
            **clean,
            **{name: value for name, value in vendors.environment.items() if "DFINERY" in name},
            "CONSENT_DATA_DIR": str(tmp_path / "data"),
            "CONSENT_DATABASE_URL": postgres_url,
            "CONSENT_REDIS_URL": server.url,
            "CONSENT_MASTER_KEYS": keys,
        }
        host = Host(engine, MasterKeys.parse(keys), tmp_path, environment)
        try:
            yield host
        finally:
            host.stop()


@contextmanager
def befallen(begin: Callable[[], object], end: Callable[[], object]) -> Iterator[None]:
    begin()
    try:
        yield
    finally:
        end()


@pytest.mark.timeout(280)
def test_a_full_redis_holds_nobody_up_and_a_role_change_ends_nobody(host: Host, server: Server) -> None:
    client = server.client()
    with host.engine.begin() as connection:
        announce(connection, {"dfinery": 10})
    host.start()
    host.await_delivery(host.submit())
    with befallen(lambda: client.config_set("maxmemory", 1), lambda: client.config_set("maxmemory", 0)):
        host.await_delivery(host.submit())
    host.await_log("Redis has room again")
    with befallen(lambda: client.replicaof("127.0.0.1", "1"), lambda: client.replicaof("NO", "ONE")):
        host.await_log("cannot look for due work: Redis cannot be used")
        waits = host.submit()
    host.await_delivery(waits)
    host.await_log("due work is looked for again")
    told = [line for line in host.logs().splitlines() if "worker.turns" in line or "worker.clock" in line]
    assert len([line for line in told if "memory is full" in line]) == 1, told
    assert len([line for line in told if "cannot look for due work" in line]) == 1, told
    assert len([line for line in told if "looked for again" in line]) == 1, told


@pytest.mark.timeout(280)
def test_a_worker_ends_a_deed_that_was_left_by_who_began_it(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """`retry`, `cancel` and their like over a selection, killed half-way."""
    monkeypatch.setattr(selected, "MOST_REQUESTS", 10)
    with host.engine.begin() as connection:
        announce(connection, {"dfinery": 10})
    for _ in range(REQUESTS):
        host.submit()
    with host.engine.begin() as connection:
        connection.execute(text("UPDATE requests SET status = 'unconfirmed'"))  # so that no worker sends any
    deed = selections.begin(host.engine, Order(Deed.CANCEL, Criteria()), "cli:ann")
    selections.step(host.engine, deed.public_id, lambda _: None)  # and then it is killed
    with host.engine.connect() as connection:
        assert connection.execute(text(CANCELLED)).scalar_one() == 10
    host.start()
    host.await_true("SELECT ended_at IS NOT NULL FROM deeds WHERE public_id = :id", id=deed.public_id)
    with host.engine.connect() as connection:
        assert connection.execute(text(CANCELLED)).scalar_one() == REQUESTS
