"""Two real workers with different vendors' credentials: every request reaches all vendors, whichever worker starts and
stops."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from celery import Celery
from redis import Redis
from sqlalchemy import Engine, text

from domain.requests import Kind, Subject
from ledger.sealing import MasterKeys, generate_master_key
from tasks.queues import queue_of
from tasks.sending import sender, wake
from tasks.submission import Submission
from tasks.submit import submit
from tests.forked import forked_sandbox, start_forked

CELERY = [sys.executable, "-m", "celery", "--app", "worker.app", "worker", "--pool", "threads", "--without-mingle"]
PATIENCE_S = 60.0


@contextmanager
def worker(name: str, folder: Path, environment: Mapping[str, str], app: Celery) -> Iterator[Path]:
    """A worker with these settings, ready; its log."""
    log = folder / f"{name}.log"
    process = start_forked([*CELERY, "--hostname", f"{name}@here"], environment, log)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not app.control.ping(destination=[f"{name}@here"], timeout=0.5):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
        yield log
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def pending_at(engine: Engine, request_id: int) -> set[str]:
    """The vendors at which a request has something open."""
    with engine.connect() as connection:
        return set(connection.execute(_PENDING, {"id": request_id}).scalars())


_PENDING = text("""
    SELECT DISTINCT vendors.name FROM chunks JOIN vendors ON vendors.id = vendor_id
    WHERE request_id = :id AND purpose = 'deliver' AND state <> 'closed'
""")


def until(engine: Engine, request_id: int, left: set[str], app: Celery) -> None:
    """Wake the workers, as beat does, until a request has something open at these vendors only."""
    deadline = time.monotonic() + PATIENCE_S
    while (found := pending_at(engine, request_id)) != left:
        assert time.monotonic() < deadline, found
        wake(app, ["algonomy", "dfinery"])
        time.sleep(0.5)


def test_what_one_worker_lacks_waits_for_the_other(
    tmp_path: Path, engine: Engine, postgres_url: str, redis_url: str
) -> None:
    keys = generate_master_key()
    stack = {
        "CONSENT_DATA_DIR": str(tmp_path / "data"),
        "CONSENT_DATABASE_URL": postgres_url,
        "CONSENT_REDIS_URL": redis_url,
        "CONSENT_MASTER_KEYS": keys,
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENT_")}
    asked = 0

    def ask(app: Celery) -> int:
        nonlocal asked
        asked += 1
        somebody: list[Subject] = [{"user_id": f"u-{asked}-{number}"} for number in range(30)]
        order, masters = Submission(Kind.OPT_OUT), MasterKeys.parse(keys)
        submit(order, somebody, engine=engine, masters=masters, wake=lambda names: wake(app, names))
        return asked

    def only(vendor: str) -> dict[str, str]:
        return {**clean, **stack, **{k: v for k, v in vendors.items() if k.startswith(f"CONSENT_{vendor.upper()}__")}}

    with forked_sandbox(tmp_path, faults="none", seed=1) as running, sender(redis_url) as app:
        vendors = running.environment
        with worker("a", tmp_path, only("algonomy"), app), worker("d", tmp_path, only("dfinery"), app) as log:
            assert re.search(r"WARNING.*algonomy is on and this worker has no credentials for it", log.read_text())
            both = ask(app)
            until(engine, both, set(), app)
        with worker("a", tmp_path, only("algonomy"), app) as log:
            assert "dfinery is on and this worker has no credentials for it" in log.read_text()
            half = ask(app)
            until(engine, half, {"dfinery"}, app)
            with Redis.from_url(redis_url) as redis:
                assert redis.llen(queue_of("dfinery")) <= 70, "a minute's dispatches at most: nobody is there to read"
        with worker("d", tmp_path, only("dfinery"), app):
            until(engine, half, set(), app)
        assert running.violations() == []
    with engine.connect() as connection:
        ended = connection.execute(text("SELECT DISTINCT CAST(outcome AS text), reason FROM outcomes")).all()
        enabled = connection.execute(text("SELECT name FROM vendors WHERE enabled ORDER BY name")).scalars().all()
    assert {outcome for outcome, _ in ended} <= {"accepted", "verified", "absent"}, ended
    assert enabled == ["algonomy", "dfinery"]
