"""The audit log in the evidence log: by roots, without a name, and also when entries have passed their retention."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from evidence.keys import SigningKey
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.evidence.checking import check_log
from ledger.evidence.row_checks import check_rows
from ledger.retention import RECORD, set_days
from tasks import retain
from tasks.log import LogKeeper, keep_log
from tests.ledger.conftest import Desk

KEY = SigningKey(b"k" * 32)


def note(desk: Desk, *deeds: str) -> None:
    """Audit entries that are logged together."""
    with desk.engine.begin() as connection:
        audit.add(connection, [Entry("user:anna@controller.example", deed, allowed=True) for deed in deeds])
    keep_log(LogKeeper(desk.engine, desk.masters, lambda: KEY))


def drop(connection: Connection, before: str) -> None:
    """As a retention does: the guard is set aside, and the triggers of the log are not."""
    connection.execute(text("ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_append_only"))
    connection.execute(
        text("DELETE FROM audit_entries WHERE id < (SELECT id FROM audit_entries WHERE deed = :deed)"), {"deed": before}
    )
    connection.execute(text("ALTER TABLE audit_entries ENABLE TRIGGER audit_entries_append_only"))


@pytest.fixture
def noted(desk: Desk) -> Desk:
    """Three batches of audit entries."""
    for deeds in (("user add", "user role"), ("key add", "key revoke"), ("vendor hold",)):
        note(desk, *deeds)
    return desk


def test_entries_are_logged_by_a_root_without_a_name(noted: Desk) -> None:
    assert noted.rows("SELECT cardinality(ids) FROM audit_batches ORDER BY id") == [(2,), (2,), (1,)]
    assert noted.one("SELECT count(*) FROM log_entries WHERE type = 'audit'") == 3
    assert noted.one("SELECT count(*) FROM audit_due") == 0
    assert "anna" not in str(noted.rows("SELECT entry FROM log_entries"))


def test_what_passed_its_retention_is_not_missed_and_what_is_left_is_compared(noted: Desk) -> None:
    with noted.engine.connect() as connection, connection.begin() as transaction:
        drop(connection, "key revoke")
        assert list(check_rows(connection)) == []
        assert (
            connection.execute(text("SELECT count(*) FROM audit_batches")).scalar_one() == 2
        )  # one has half its entries
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for change in (
            "UPDATE audit_entries SET deed = 'x' WHERE deed = 'key revoke'",
            "DELETE FROM audit_entries WHERE deed = 'vendor hold'",
            "DELETE FROM audit_batches WHERE newest = (SELECT max(newest) FROM audit_batches)",
        ):
            undone = connection.begin_nested()
            assert connection.execute(text(change)).rowcount == 1
            assert list(check_rows(connection)) != [], change
            undone.rollback()
        transaction.rollback()


def test_a_batch_stays_while_an_entry_of_it_does(noted: Desk) -> None:
    with pytest.raises(IntegrityError, match="append-only"):
        noted.execute("DELETE FROM audit_batches")


def note_long_ago(desk: Desk, days_ago: Iterable[int]) -> None:
    for days in days_ago:
        desk.execute(
            """INSERT INTO audit_entries (by, deed, allowed, at)
               VALUES ('cli:ann', CAST(:days AS text), true, now() - CAST(:days AS integer) * interval '1 day')""",
            days=days,
        )


def keep_for(desk: Desk, days: float | None) -> None:
    with desk.engine.begin() as connection:
        set_days(connection, {RECORD: days}, "cli:ann")


def verify(desk: Desk) -> list[str]:
    """As `consent audit verify`, once everything is in the log."""
    keep_log(LogKeeper(desk.engine, desk.masters, lambda: KEY))
    with desk.engine.connect() as connection:
        return [*check_log(connection, [KEY.public]).faults, *check_rows(connection)]


def test_entries_go_when_they_are_older_than_the_record_is_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retain, "AUDIT_OF_A_ROUND", 2)
    note_long_ago(desk, (40, 39, 35))
    assert verify(desk) == []
    note_long_ago(desk, (33, 31, 29, 45, 0))
    assert retain.keep_audit_log(desk.engine) == 0, "no period is set"
    keep_for(desk, None)
    assert retain.keep_audit_log(desk.engine) == 0
    keep_for(desk, 30)
    assert retain.keep_audit_log(desk.engine) == 5
    assert retain.keep_audit_log(desk.engine) == 0
    assert desk.rows("SELECT deed FROM audit_entries ORDER BY id") == [("29",), ("45",), ("0",)], "in their order"
    assert verify(desk) == [], "also of those that went before they were in a batch"
    assert desk.one("SELECT count(*) FROM audit_batches") == 1, "one went with its entries"
    assert desk.one(_DROPPED) == 5
    keep_for(desk, 0)
    assert retain.keep_audit_log(desk.engine) == 2, "a day at least"
    assert verify(desk) == []


_DROPPED = """
    SELECT sum(CAST(CAST(convert_from(entry, 'UTF8') AS jsonb) ->> 'entries' AS integer)) FROM log_entries
    WHERE type = 'audit.dropped'
"""


@pytest.mark.parametrize("days", [None, 41.0])
def test_nobody_deletes_an_entry_that_is_kept(desk: Desk, days: float | None) -> None:
    note_long_ago(desk, (40, 0))
    keep_for(desk, days)
    with pytest.raises(DBAPIError, match="append-only"):
        desk.execute("DELETE FROM audit_entries WHERE deed = '40'")
    assert desk.one("SELECT drop_audit_entries(100)") == 0


def test_two_at_once_drop_each_entry_once(desk: Desk, in_threads: Callable[..., list[Any]]) -> None:
    note_long_ago(desk, [40] * 50)
    keep_for(desk, 30)
    assert sum(in_threads(3, lambda: retain.keep_audit_log(desk.engine))) == 50
    assert verify(desk) == []
