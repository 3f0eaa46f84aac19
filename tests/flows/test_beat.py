"""Beat with any clock: it never fills Redis, and what is due is found without it."""

import json
import os
import subprocess
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from celery import Celery
from celery.beat import PersistentScheduler, Scheduler
from redis import Redis
from sqlalchemy import Engine, text

from adapters.registry import OURS
from config.broker_place import NoBrokerError, find_broker
from domain.requests import Kind
from ledger.sealing import MasterKeys, generate_master_key
from local.processes import spawn
from tasks.queues import LOOK, BrokerError, WakeUp, queue_of
from tasks.redis_connections import broker_settings
from tasks.sending import send, sender, wake
from tasks.submission import Submission
from tasks.submit import submit
from tests.forked import forked_sandbox

VENDORS = tuple(OURS)
A_HANDFUL = 10
HOUR_S = 3600.0
PATIENCE_S = 60.0


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, postgres_url: str, redis_url: str) -> ModuleType:
    """The worker's module, as beat imports it; no worker runs."""
    monkeypatch.setenv("CONSENT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CONSENT_DATABASE_URL", postgres_url)
    monkeypatch.setenv("CONSENT_REDIS_URL", redis_url)
    monkeypatch.setenv("CONSENT_MASTER_KEYS", generate_master_key())
    module = import_module("worker.app")
    assert module.app.conf.broker_url == broker_settings(redis_url)["broker_url"], "one Redis a test session"
    return module


@pytest.fixture(params=["worker.bystanders", "worker.app"])
def app(request: pytest.FixtureRequest, worker: ModuleType) -> Celery:
    """What beat runs on, the small app or that of the workers; no worker runs."""
    module = import_module(request.param)
    assert module.app.conf.broker_url == worker.app.conf.broker_url
    module.app.set_current()  # what was kept on disk goes by the current app's clock
    return module.app


class Clock:
    """A clock that may be wrong, and that only moves when told to."""

    def __init__(self, offset_s: float = 0.0) -> None:
        self.time = datetime.now(UTC) + timedelta(seconds=offset_s)

    def now(self) -> datetime:
        return self.time


MakeBeat = Callable[[Any, Path], Any]


def in_memory(app: Celery, _: Path) -> Any:
    return Scheduler(app=app)


def on_disk(app: Celery, folder: Path) -> Any:
    return PersistentScheduler(app=app, schedule_filename=str(folder / "beat"))


def work(beats: list[Any], clock: Clock, seconds: float) -> None:
    """Let these beats run for so many seconds."""
    until = clock.time + timedelta(seconds=seconds)
    while clock.time < until:
        delays_s = [beat.tick() for beat in beats]
        clock.time += timedelta(seconds=max(min(delays_s), 0.01))


def waiting(redis: Redis) -> list[dict[str, Any]]:
    """Every message that waits in any list."""
    names = [name for name in redis.scan_iter() if redis.type(name) == b"list"]
    return [json.loads(raw) for name in names for raw in redis.lrange(name, 0, -1)]


@pytest.mark.parametrize("make", [in_memory, on_disk])
@pytest.mark.parametrize("offset_s", [0.0, -8.0, HOUR_S, -HOUR_S])
def test_while_no_worker_reads_beat_leaves_no_more_than_a_handful(
    app: Celery,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    make: MakeBeat,
    offset_s: float,
) -> None:
    clock = Clock(offset_s)
    monkeypatch.setattr(app, "now", clock.now)
    beat = make(app, tmp_path)
    work([beat], clock, 0.2 * HOUR_S)
    first = waiting(redis)
    work([beat], clock, 0.2 * HOUR_S)
    assert 1 <= len(first) <= A_HANDFUL
    assert waiting(redis) == first


@pytest.mark.parametrize("make", [in_memory, on_disk])
def test_beat_sends_the_look_for_work_and_nothing_of_celerys_own(app: Celery, tmp_path: Path, make: MakeBeat) -> None:
    assert {entry.task for entry in make(app, tmp_path).schedule.values()} == {LOOK}


def test_two_beats_leave_no_more_than_one(
    app: Celery, redis: Redis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock = Clock()
    monkeypatch.setattr(app, "now", clock.now)
    work([in_memory(app, tmp_path), in_memory(app, tmp_path)], clock, 0.2 * HOUR_S)
    assert 1 <= len(waiting(redis)) <= A_HANDFUL


@pytest.mark.parametrize("make", [in_memory, on_disk])
def test_beats_that_are_started_again_and_again_leave_no_more_than_one(
    app: Celery, redis: Redis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make: MakeBeat
) -> None:
    clock = Clock()
    monkeypatch.setattr(app, "now", clock.now)
    for _ in range(10):
        beat = make(app, tmp_path)
        work([beat], clock, 40.0)
        beat.close()
    assert 1 <= len(waiting(redis)) <= A_HANDFUL


def test_beat_goes_on_when_what_it_sent_is_read(
    app: Celery, redis: Redis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock, read = Clock(), 0
    monkeypatch.setattr(app, "now", clock.now)
    beat = in_memory(app, tmp_path)
    for _ in range(40):
        work([beat], clock, 15.0)
        read += len(waiting(redis))
        redis.flushdb()
    assert 35 <= read <= 45


def test_who_runs_no_task_needs_neither_keys_nor_much_memory(tmp_path: Path, redis_url: str) -> None:
    """Beat and Flower: what takes a worker's memory is not even loaded."""
    program = """if True:
        import sys, worker.bystanders
        from tasks.redis_connections import broker_settings
        print(sorted({"sqlalchemy", "psycopg", "pydantic", "aiohttp", "adapters", "ledger"} & set(sys.modules)))
        print(worker.bystanders.app.conf.broker_url == broker_settings(sys.argv[1])["broker_url"])
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENT_")}
    given = {"CONSENT_REDIS_URL": redis_url, "CONSENT_DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program, redis_url], env=clean | given, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["[]", "True"]


def test_who_names_no_redis_is_told_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONSENT_REDIS_URL", raising=False)
    monkeypatch.setenv("CONSENT_DATA_DIR", str(tmp_path))
    for content in (None, "", "[]", "{}", "7", "no JSON"):
        if content is not None:
            (tmp_path / "stack.json").write_text(content)
        with pytest.raises(NoBrokerError, match="CONSENT_REDIS_URL not set"):
            find_broker()
    (tmp_path / "stack.json").write_text('{"redis_url": "redis://here"}')
    assert find_broker().url == "redis://here"
    (tmp_path / "stack.json").unlink()
    (tmp_path / "stack.json").mkdir()
    with pytest.raises(NoBrokerError, match="cannot be read"):
        find_broker()


def test_no_message_of_ours_lives_by_a_clock(worker: ModuleType, redis: Redis, redis_url: str) -> None:
    with sender(redis_url) as app:
        for wake_up in every_wake_up(worker):
            send(app, [wake_up])
    worker.look_for_work.apply_async()
    messages = waiting(redis)
    assert {message["headers"]["task"] for message in messages} == {one.task for one in every_wake_up(worker)}
    for message in messages:
        headers = message["headers"]
        assert headers["expires"] is None, headers["task"]
        assert headers["eta"] is None, headers["task"]
        assert "expiration" not in message["properties"]
    assert not [entry for entry in worker.app.conf.beat_schedule.values() if "expires" in entry.get("options", {})]


def every_wake_up(worker: ModuleType) -> list[WakeUp]:
    """One of each sort, at every vendor where there are vendors in it."""
    dispatches = [WakeUp("consent.dispatch", vendor) for vendor in VENDORS]
    others = (
        "consent.settle",
        "consent.log",
        "consent.notify",
        "consent.resolve",
        "consent.deadlines",
        "consent.volumes",
        LOOK,
    )
    return dispatches + [WakeUp(task) for task in others]


def test_every_wake_up_waits_where_workers_look_and_nowhere_together_with_another_sort(worker: ModuleType) -> None:
    places = [one.queue for one in every_wake_up(worker)]
    assert len(set(places)) == len(places)
    assert set(places) <= set(worker.app.amqp.queues)
    assert set(places).isdisjoint(queue_of(vendor) for vendor in VENDORS)
    assert {one.task for one in every_wake_up(worker)} <= set(worker.app.tasks)


@pytest.mark.parametrize("threads", [1, 8])
def test_however_many_requests_come_while_no_worker_reads_each_vendor_is_told_of_once(
    redis: Redis, redis_url: str, threads: int
) -> None:
    def ask() -> None:
        with sender(redis_url) as app:
            for _ in range(100 // threads):
                wake(app, VENDORS)

    askers = [threading.Thread(target=ask) for _ in range(threads)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    found = [message["headers"]["task"] for message in waiting(redis)]
    assert len(VENDORS) <= len(found) <= threads * len(VENDORS)


def test_a_wake_up_that_was_read_is_followed_by_another(redis: Redis, redis_url: str) -> None:
    with sender(redis_url) as app:
        for turn in range(3):
            wake(app, ["insider", "insider", "dfinery"])
            for vendor in ("insider", "dfinery"):
                raw = redis.rpop(f"consent.dispatch.{vendor}")
                assert json.loads(b64decode(json.loads(raw)["body"]))[0] == [vendor], turn
            assert waiting(redis) == []


def test_who_cannot_reach_redis_is_told_so() -> None:
    with sender("redis://127.0.0.1:1/0") as app, pytest.raises(BrokerError):
        wake(app, VENDORS)


@contextmanager
def celery(folder: Path, environment: dict[str, str], offset_s: float, name: str, *words: str) -> Iterator[Path]:
    """A Celery process on a host whose clock is so wrong; its log."""
    log = folder / f"{name}.log"
    command = [sys.executable, "-m", "tests.shifted_clock", str(offset_s), "--app", "worker.app", *words]
    process = spawn(command, environment, log)
    try:
        yield log
        assert process.poll() is None, log.read_text()
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def test_due_work_is_found_without_a_beat_without_a_message_and_by_clocks_hours_apart(
    tmp_path: Path, engine: Engine, postgres_url: str, redis: Redis, redis_url: str
) -> None:
    keys = generate_master_key()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENT_")}
    order, people = Submission(Kind.OPT_OUT, ("dfinery",)), [{"user_id": f"u-{number}"} for number in range(30)]
    with forked_sandbox(tmp_path, faults="none", seed=1) as vendors:
        environment = {
            **clean,
            **{name: value for name, value in vendors.environment.items() if "DFINERY" in name},
            "CONSENT_DATA_DIR": str(tmp_path / "data"),
            "CONSENT_DATABASE_URL": postgres_url,
            "CONSENT_REDIS_URL": redis_url,
            "CONSENT_MASTER_KEYS": keys,
        }
        words = ("worker", "--pool", "threads", "--without-mingle", "--without-gossip", "--hostname")
        with (
            celery(tmp_path, environment, HOUR_S, "fast", *words, "fast@here"),
            celery(tmp_path, environment, -HOUR_S, "slow", *words, "slow@here"),
        ):
            await_until(engine, "SELECT served_at IS NOT NULL FROM vendors", tmp_path)
            submit(order, people, engine=engine, masters=MasterKeys.parse(keys), wake=lambda _: None)
            await_until(engine, "SELECT status = 'completed' FROM requests", tmp_path)


def await_until(engine: Engine, question: str, folder: Path) -> None:
    """Wait until the ledger says yes."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with engine.connect() as connection:
            if connection.execute(text(question)).scalar():
                return
        assert time.monotonic() < deadline, [log.read_text()[-3_000:] for log in sorted(folder.glob("*.log"))]
        time.sleep(0.1)
