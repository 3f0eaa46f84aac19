"""What earlier versions logged, in order or not yet, goes on being verified, and a change of it is found."""

from collections.abc import Iterator
from secrets import token_bytes

import pytest
from sqlalchemy import text

from evidence.merkle import root_of
from evidence.tiles import hashes_in
from ledger.evidence.row_checks import check_rows
from ledger.session import migrate
from tests.ledger.conftest import Desk
from tests.ledger.evidence.test_log import check, entries, keep
from tests.ledger.evidence.test_proofs import as_owner
from tests.ledger.test_volumes import database

# As programs of migration 0056 did it.
VENDORS = "INSERT INTO vendors (name, enabled, chunk_people) VALUES ('zeta', true, 5), ('alpha', true, 5)"
REQUEST = """
    WITH came AS (
        INSERT INTO requests (public_id, kind, status, subjects, duplicates, vendor_ids, options, content_digest,
            received_at, effective_at, not_before, due_at, asked_at, submitted_by, regulation)
        SELECT gen_random_uuid(), 'erasure', 'running', 1, 0, ARRAY[1, 2], '', '',
            now(), now(), now(), now() + interval '30 days', now(), :by, 'gdpr'
        RETURNING id, public_id, submitted_by),
    kept AS (INSERT INTO data_keys (request_id, wrapped) SELECT id, 'x' FROM came)
    INSERT INTO audit_entries (by, deed, target, allowed, because)
    SELECT submitted_by, 'submit', CAST(public_id AS text), true, 'a "reason"' FROM came
"""
HASHES = r"""
    WITH taken AS (DELETE FROM audit_due RETURNING ids), wanted AS (SELECT unnest(ids) AS id FROM taken)
    SELECT array_agg(id ORDER BY id), string_agg(
        sha256('\x00' || CAST(:salt AS bytea) || convert_to(log_audit_entry(audit_entries), 'UTF8')), '' ORDER BY id)
    FROM wanted JOIN audit_entries USING (id)
"""
BATCH = """
    INSERT INTO audit_batches (ids, newest, salt, hashes, root) VALUES (:ids, :newest, :salt, :hashes, :root)
"""
IN_ORDER = "SELECT append_log(ARRAY(SELECT id FROM log_pending ORDER BY id))"


def submit(earlier: Desk, by: str) -> None:
    earlier.execute(REQUEST, by=by)


def sequence(earlier: Desk) -> None:
    """Batch the audit entries, and put everything in order."""
    salt = token_bytes(16)
    with earlier.engine.begin() as connection:
        connection.execute(text("INSERT INTO log_head DEFAULT VALUES ON CONFLICT DO NOTHING"))
        ids, hashes = connection.execute(text(HASHES), {"salt": salt}).one()
        values = {"ids": ids, "newest": ids[-1], "salt": salt, "hashes": hashes, "root": root_of(hashes_in(hashes))}
        connection.execute(text(BATCH), values)
        connection.execute(text(IN_ORDER))


@pytest.fixture
def updated(desk: Desk, postgres_url: str) -> Iterator[Desk]:
    """A ledger from migration 0056: two requests and their audit entries that were in order before the update, one of
    each that was not, and one from after it, of a program that goes on from before."""
    with database(postgres_url, "earlier_formats") as engine:
        migrate(engine, "0056")
        earlier = Desk(engine, desk.masters, desk.loop)
        earlier.execute(VENDORS)
        submit(earlier, "cli:one")
        submit(earlier, "cli:two")
        sequence(earlier)
        submit(earlier, "cli:three")
        migrate(engine)
        submit(earlier, "cli:four")
        yield earlier


def faults(desk: Desk) -> list[str]:
    """Of rows and log: nobody's outcomes were hashed here."""
    with desk.engine.connect() as connection:
        rows = list(check_rows(connection))
    return [*check(desk).faults, *rows]


def test_what_was_logged_before_an_update_is_verified_after_it(updated: Desk) -> None:
    assert updated.one("SELECT count(*) FROM log_pending WHERE type = 'request.received' AND facts = '{}'") == 1
    keep(updated)
    assert faults(updated) == []
    came = [one for one in entries(updated) if one["type"] == "request.received"]
    assert [one["by"] for one in came] == ["cli:one", "cli:two", "cli:three", "cli:four"]
    assert {tuple(one) for one in came} == {tuple(came[0])}, "the same fields, in the same order"
    assert {tuple(one["vendors"]) for one in came} == {("alpha", "zeta")}
    assert updated.rows("SELECT format, ids FROM audit_batches ORDER BY id") == [(1, [1, 2]), (2, [3, 4])]


def test_a_program_from_before_may_go_on_making_batches(updated: Desk) -> None:
    sequence(updated)
    keep(updated)
    assert updated.rows("SELECT format FROM audit_batches") == [(1,), (1,)]
    assert faults(updated) == []


CHANGES = {
    "an entry of before": "UPDATE audit_entries SET because = 'another' WHERE id = 1",
    "an entry of after": "UPDATE audit_entries SET because = 'another' WHERE id = 4",
    "one that says less": "UPDATE audit_entries SET because = NULL WHERE id = 4",
    "one that says nothing instead": "UPDATE audit_entries SET account = '' WHERE id = 4",
    "words that moved to another field": "UPDATE audit_entries SET source = because, because = NULL WHERE id = 4",
    "the format of before": "UPDATE audit_batches SET format = 2 WHERE id = 1",
    "the format of after": "UPDATE audit_batches SET format = 1 WHERE id = 2",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_found_in_either_format(updated: Desk, change: str) -> None:
    keep(updated)
    as_owner(updated, change)
    assert any("not as they were logged" in one for one in faults(updated))
