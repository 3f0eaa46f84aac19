"""The audit log in the evidence log: by roots, without a name, and also when entries have passed their retention."""

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from evidence.keys import SigningKey
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.evidence.row_checks import check_rows
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
