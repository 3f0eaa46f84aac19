"""The process that takes in, as it runs: killed, stopped, and given everything that is no message."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Engine, text

from intake.producer import seal
from intake.take_in.inbox import ALIVE, CONSUMERS
from ledger.delivery.vendors import announce
from ledger.sealing import generate_master_key
from tasks.queues import SUBMIT, SUBMIT_QUEUE
from tasks.sealed import LARGEST_ITEM, ProducerKeys, generate_producer_key
from tests.bad_messages import FALSE_LINE, MARK, dumped, envelope, junk
from tests.forked import ForkedProcess, start_forked

PRIVATE = generate_producer_key()
PUBLIC = str(ProducerKeys.parse(PRIVATE).public)
WITHIN_S = 200.0
Start = Callable[[], ForkedProcess]


def message(number: int) -> bytes:
    person = {"user_id": f"u-{number:05}", "email": f"u-{number}@private.example"}
    sealed = seal({"kind": "opt_out", "subjects": [person], "submitted_by": "shop"}, PUBLIC)
    return dumped(envelope(SUBMIT, [sealed], SUBMIT_QUEUE))


def eventually(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def start(engine: Engine, postgres_url: str, redis_url: str, tmp_path: Path, log: Path) -> Iterator[Start]:
    """Starts the process; all that were started are ended afterwards."""
    with engine.begin() as connection:
        announce(connection, {"insider": 10})
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENT_")}
    environment = {
        **clean,
        "CONSENT_DATA_DIR": str(tmp_path),
        "CONSENT_DATABASE_URL": postgres_url,
        "CONSENT_REDIS_URL": redis_url,
        "CONSENT_MASTER_KEYS": generate_master_key(),
        "CONSENT_PRODUCER_KEYS": PRIVATE,
    }
    started: list[ForkedProcess] = []

    def starting() -> ForkedProcess:
        started.append(start_forked([sys.executable, "-m", "cli", "take-in"], environment, log))
        return started[-1]

    yield starting
    for process in started:
        process.kill()
        process.wait()


REQUESTS = "SELECT count(*) FROM requests"
RECORDED = "SELECT count(*) FROM audit_entries WHERE deed = 'submit'"
REFUSED = "SELECT count(*) FROM audit_entries WHERE NOT allowed AND deed = 'consent.submit'"


def count(engine: Engine, statement: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(statement)).scalar_one())


def unfinished(redis: Redis) -> list[bytes]:
    """The lists that hold a producer's message."""
    keys = [SUBMIT_QUEUE.encode(), *redis.keys("consent.take-in.*")]
    return [key for key in keys if redis.type(key) == b"list"]


STALL = """
CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF (SELECT count(*) FROM requests) > 200 THEN PERFORM pg_sleep(4); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER stall AFTER INSERT ON requests FOR EACH STATEMENT EXECUTE FUNCTION stall();
"""
"""So that the first round is over soon, and the others not before the process is killed."""


@pytest.fixture
def stalling(engine: Engine) -> Iterator[Callable[[], None]]:
    """PostgreSQL takes its time; call this to end it."""

    def end() -> None:
        with engine.begin() as connection:
            connection.execute(text("DROP FUNCTION IF EXISTS stall() CASCADE"))

    with engine.begin() as connection:
        connection.execute(text(STALL))
    yield end
    end()


def test_what_a_killed_process_had_is_taken_in_once_by_the_next(
    engine: Engine, redis: Redis, start: Start, stalling: Callable[[], None]
) -> None:
    redis.lpush(SUBMIT_QUEUE, *map(message, range(600)))
    killed = start()
    eventually(lambda: count(engine, REQUESTS) > 20)
    killed.kill()
    killed.wait()
    recorded = count(engine, REQUESTS)
    stalling()
    for sign in redis.keys(f"{ALIVE}*"):
        redis.delete(sign)  # as Redis does by itself within twenty seconds
    stopped = start()
    eventually(lambda: count(engine, REQUESTS) == 600)
    assert recorded < 600
    eventually(lambda: not unfinished(redis))
    stopped.send_signal(signal.SIGTERM)
    assert stopped.wait(timeout=WITHIN_S) == 0
    assert count(engine, REQUESTS) == count(engine, RECORDED) == 600
    assert redis.exists(CONSUMERS) == 0


def test_everything_that_is_no_message_is_refused_and_the_process_lives(
    engine: Engine, redis: Redis, start: Start, log: Path
) -> None:
    process = start()
    items = [item for _, item in junk(SUBMIT, ["c2VhbGVk"], SUBMIT_QUEUE)]
    for item in items:
        redis.lpush(SUBMIT_QUEUE, item)
    redis.lpush(SUBMIT_QUEUE, b'"' + b"[" * LARGEST_ITEM + b'"')
    redis.lpush(SUBMIT_QUEUE, dumped(envelope("consent.volumes", [], SUBMIT_QUEUE)))
    redis.lpush(SUBMIT_QUEUE, message(1))
    eventually(lambda: count(engine, REQUESTS) == 1)
    eventually(lambda: count(engine, REFUSED) == len(items) + 2)
    assert process.poll() is None
    eventually(lambda: not unfinished(redis))
    told = log.read_text()
    assert MARK not in told
    assert FALSE_LINE.splitlines()[1] not in told
    with engine.connect() as connection:
        assert MARK not in repr(connection.execute(text("SELECT * FROM audit_entries")).all())
    assert int(redis.info("persistence")["aof_rewrites"]) >= 1
