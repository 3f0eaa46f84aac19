"""What is reported where nobody does the work: no process takes in what producers push, no worker serves a vendor."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Engine, text

from intake.take_in import inbox
from intake.take_in.inbox import ALIVE, Inbox
from ledger.delivery.vendors import announce
from ledger.due import note_served
from ledger.sealing import generate_master_key
from tasks.queues import SUBMIT_QUEUE
from tasks.sealed import generate_producer_key
from tests.forked import start_forked
from tests.ledger.command_line import consent
from tests.ledger.databases import execute


@pytest.fixture
def redis(engine: Engine, redis_url: str, environment: dict[str, str]) -> Iterator[Redis]:
    """A stack whose workers have announced two vendors."""
    with engine.begin() as connection:
        announce(connection, {"insider": 10, "dfinery": 10})
    with Redis.from_url(redis_url) as client:
        client.flushall()
        yield client
        client.flushall()


def take_in_line() -> str:
    found = [line for line in consent("doctor").output.splitlines() if line.startswith("take-in")]
    return " ".join(found[0].split()) if found else ""


def submitted() -> str:
    return consent("submit", "-", "--kind", "opt_out", stdin='{"user_id": "u-1"}\n').stdout.strip()


def pushed(redis: Redis) -> None:
    redis.lpush(SUBMIT_QUEUE, "a", "b")


def with_priority(redis: Redis) -> None:
    redis.lpush(inbox.BY_PRIORITY[0], "a")
    redis.lpush(SUBMIT_QUEUE, "b")


def put_off(redis: Redis) -> None:
    redis.lpush(inbox.PUT_OFF, "a", "b")


def left_by_a_dead_process(redis: Redis) -> None:
    pushed(redis)
    Inbox(redis).take(9)
    for sign in redis.keys(f"{ALIVE}*"):
        redis.delete(sign)


def odd(redis: Redis) -> None:
    redis.set(SUBMIT_QUEUE, "a")
    redis.lpush(inbox.PUT_OFF, "b")


@pytest.mark.parametrize("waits", [pushed, with_priority, put_off, left_by_a_dead_process, odd])
def test_messages_that_nobody_takes_in_are_told_of(redis: Redis, waits: Callable[[Redis], None]) -> None:
    request_id = submitted()
    assert take_in_line() == ""
    assert "nobody takes" not in consent("status", request_id).output
    waits(redis)
    says = "2 messages of producers wait and nobody takes them in: run `consent take-in`"
    assert take_in_line() == f"take-in FAULT {says}"
    assert says in consent("status", request_id).output
    Inbox(redis).stay_alive()
    assert take_in_line() == "take-in ok 1 at it; 2 messages of producers wait"
    assert "nobody takes" not in consent("status", request_id).output


def test_who_has_producers_is_told_of_before_they_push(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_PRODUCER_KEYS", generate_producer_key())
    assert take_in_line().startswith("take-in ok nobody takes in what producers push, and nothing waits")


def test_how_a_request_stands_is_told_without_redis(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    request_id = submitted()
    monkeypatch.setenv("CONSENT_REDIS_URL", "redis://127.0.0.1:1/0")
    done = consent("status", request_id)
    assert done.exit_code == 0
    assert "opt_out" in done.output


def test_scripts_are_told_which_vendor_nobody_serves(redis: Redis, engine: Engine) -> None:
    request_id = submitted()

    def unserved() -> list[str]:
        told = json.loads(consent("status", request_id, "--json").stdout)["unserved"]
        text_ = consent("status", request_id).output
        assert all((f"{name}: nobody has looked" in text_) == (name in told) for name in ("insider", "dfinery"))
        return list(told)

    with engine.begin() as connection:
        connection.execute(text("UPDATE vendors SET served_at = NULL"))
    assert unserved() == ["dfinery", "insider"]
    with engine.begin() as connection:
        note_served(connection, {"insider"})
    assert unserved() == ["dfinery"]
    consent("cancel", request_id)
    assert unserved() == []


FITNESS = {
    "keys of another ledger": ({"CONSENT_MASTER_KEYS": generate_master_key()}, 2, "not the keys of this ledger"),
    "nobody there": ({"CONSENT_DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x"}, 3, "cannot use PostgreSQL"),
    "read-only": ({}, 3, "read-only"),
    "another schema": ({}, 3, "does not know its tables"),
}
SPOIL = {
    "read-only": (
        "ALTER ROLE CURRENT_USER SET default_transaction_read_only = on",
        "ALTER ROLE CURRENT_USER RESET default_transaction_read_only",
    ),
    "another schema": (
        "UPDATE alembic_version SET version_num = version_num || '-x'",
        "UPDATE alembic_version SET version_num = left(version_num, -2)",
    ),
}


@pytest.mark.parametrize("name", FITNESS)
def test_a_process_that_cannot_take_in_ends_and_says_why(
    redis: Redis, environment: dict[str, str], postgres_url: str, tmp_path: Path, name: str
) -> None:
    submitted()  # whose keys the ledger knows from now on
    settings, code, says = FITNESS[name]
    spoil, mend = SPOIL.get(name, ("SELECT", "SELECT"))
    log = tmp_path / "take-in.log"
    execute(postgres_url, spoil)
    try:
        process = start_forked([sys.executable, "-m", "cli", "take-in"], environment | {"PATH": ""} | settings, log)
        try:
            ended = process.wait(timeout=120)
        finally:
            process.kill()
    finally:
        execute(postgres_url, "SET default_transaction_read_only = off", mend)
    said = log.read_text()
    assert ended == code, said
    assert says in said
    assert "hunter2" not in said
    assert "Traceback" not in said
    assert redis.exists(inbox.CONSUMERS) == 0
