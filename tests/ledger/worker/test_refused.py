"""A thread records what workers refuse, also when PostgreSQL is away meanwhile."""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from redis import Redis

from ledger.failures import LedgerError
from tasks.refusals import Refusal, record
from tasks.rewriting import Rewriting
from tests.ledger.conftest import Desk
from worker import refused
from worker.refused import Refusals

WRITTEN = "SELECT deed, target, because FROM audit_entries WHERE NOT allowed ORDER BY id"


def eventually(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def rewriting(redis: Redis) -> Rewriting:
    return Rewriting(redis)


def test_each_is_in_the_audit_log_and_the_log_counts_them(
    desk: Desk, rewriting: Rewriting, caplog: pytest.LogCaptureFixture
) -> None:
    refusals = Refusals(desk.engine, rewriting)
    number = UUID(int=7)
    refusals.add(Refusal("consent.control", "no task of ours", number))
    refusals.close()
    refusals = Refusals(desk.engine, rewriting)
    refusals.add(Refusal("consent.control", "compressed"))
    refusals.add(Refusal("consent.control", "compressed"))
    refusals.close()
    assert desk.rows(WRITTEN) == [
        ("consent.control", f"message {number}", "no task of ours"),
        ("consent.control", None, "compressed"),
        ("consent.control", None, "compressed"),
    ]
    assert "refused of the queue consent.control: no task of ours" in caplog.text


def test_while_postgresql_is_away_they_are_kept_and_beyond_a_bound_counted(
    desk: Desk, rewriting: Rewriting, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def away(_: Any, refusals: Any) -> None:
        tried.append(len(refusals))
        raise LedgerError("nobody answers there")

    monkeypatch.setattr(refused, "MOST_KEPT", 3)
    monkeypatch.setattr(refused, "AGAIN_S", 0.01)
    monkeypatch.setattr(refused, "record", away)
    refusals = Refusals(desk.engine, rewriting)
    for _ in range(10):
        refusals.add(Refusal("consent.control", "compressed"))
    eventually(lambda: tried and tried[-1] == 4)
    monkeypatch.setattr(refused, "record", record)
    eventually(lambda: len(desk.rows(WRITTEN)) == 4)
    refusals.close()
    assert desk.rows(WRITTEN)[-1] == (
        "workers",
        None,
        "more refused than could be kept while PostgreSQL was away or slow: 7",
    )


def test_a_worker_ends_though_postgresql_is_away(
    desk: Desk, rewriting: Rewriting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise LedgerError("nobody answers there")

    monkeypatch.setattr(refused, "record", away)
    refusals = Refusals(desk.engine, rewriting)
    refusals.add(Refusal("consent.control", "compressed"))
    refusals.close()
    assert refusals._thread is not None
    assert not refusals._thread.is_alive()


def test_what_may_have_been_read_in_a_queue_of_workers_is_written_out_of_the_file_of_redis(
    desk: Desk, redis: Redis, rewriting: Rewriting
) -> None:
    def rewritten() -> int:
        return int(redis.info("stats").get("total_forks", 0))

    eventually(lambda: not redis.info("persistence")["aof_rewrite_in_progress"])  # of another test
    before = rewritten()
    refusals = Refusals(desk.engine, rewriting)
    refusals.add(Refusal("consent.control", "no task of ours", readable=False))
    eventually(lambda: len(desk.rows(WRITTEN)) == 1)
    assert rewritten() == before
    for _ in range(3):
        refusals.add(Refusal("consent.vendor.insider", "no task of ours"))
    eventually(lambda: rewritten() == before + 1)
    eventually(lambda: len(desk.rows(WRITTEN)) == 4)
    refusals.close()
    assert rewritten() == before + 1, "not more than once in a while"


def test_that_postgresql_is_away_is_told_once(
    desk: Desk, rewriting: Rewriting, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[object] = []

    def away(*_: Any) -> None:
        tried.append(1)
        raise LedgerError("nobody answers there")

    monkeypatch.setattr(refused, "AGAIN_S", 0.01)
    monkeypatch.setattr(refused, "record", away)
    refusals = Refusals(desk.engine, rewriting)
    refusals.add(Refusal("consent.control", "compressed"))
    eventually(lambda: len(tried) > 5)
    refusals.close()
    assert caplog.text.count("cannot be written down yet") == 1
