"""What workers refuse is written down by a thread beside them, also when PostgreSQL is away meanwhile."""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from ledger.failures import LedgerError
from tasks.refusals import Refusal, record
from tests.ledger.conftest import Desk
from worker import refused
from worker.refused import Refusals

WRITTEN = "SELECT deed, target, because FROM audit_entries WHERE NOT allowed ORDER BY id"


def eventually(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_each_is_in_the_audit_log_and_the_log_counts_them(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals(desk.engine)
    number = UUID(int=7)
    refusals.add(Refusal("consent.control", "no task of ours", number))
    refusals.close()
    refusals = Refusals(desk.engine)
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
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def away(_: Any, refusals: Any) -> None:
        tried.append(len(refusals))
        raise LedgerError("nobody answers there")

    monkeypatch.setattr(refused, "MOST_KEPT", 3)
    monkeypatch.setattr(refused, "AGAIN_S", 0.01)
    monkeypatch.setattr(refused, "record", away)
    refusals = Refusals(desk.engine)
    for _ in range(10):
        refusals.add(Refusal("consent.control", "compressed"))
    eventually(lambda: tried and tried[-1] == 4)
    monkeypatch.setattr(refused, "record", record)
    eventually(lambda: len(desk.rows(WRITTEN)) == 4)
    refusals.close()
    assert desk.rows(WRITTEN)[-1] == (
        "workers",
        None,
        "7 more were refused than could be kept while PostgreSQL was away or slow",
    )


def test_a_worker_ends_though_postgresql_is_away(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> None:
        raise LedgerError("nobody answers there")

    monkeypatch.setattr(refused, "record", away)
    refusals = Refusals(desk.engine)
    refusals.add(Refusal("consent.control", "compressed"))
    refusals.close()
    assert refusals._thread is not None
    assert not refusals._thread.is_alive()
