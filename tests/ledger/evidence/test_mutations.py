"""Anyone who may do everything to the database changes one value, one row or the order of rows: all of it is found."""

from collections.abc import Iterator
from random import Random

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from evidence.keys import SigningKey
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.desk.deeds import add_note
from ledger.evidence.checking import check_log
from ledger.evidence.row_checks import check_rows
from ledger.evidence.timestamps import check_timestamps
from ledger.evidence.tree_checks import check_trees
from tasks.log import LogKeeper, keep_log
from tasks.timestamps import Stamping
from tests.ledger.conftest import APPLIED, Desk, people
from tests.timestamping import Authority

KEY, AUTHORITY = SigningKey(b"k" * 32), Authority()
COVERED = (
    "requests", "subjects", "outcomes", "notes", "audit_entries", "vendors", "keys", "signing_keys",
    "legal_holds", "data_keys", "retention_periods", "restores",
    "log_entries", "log_tiles", "log_checkpoints", "log_timestamps", "log_head", "outcome_trees", "outcome_tiles",
    "audit_batches",
)  # fmt: skip
NOT_LOGGED = {
    "outcomes": "attempts",  # how often it was tried says nothing of how it ended
    "keys": "created_at number changes replaced_at to_request at_request at_line",
    "signing_keys": "used_at",
    "log_checkpoints": "at",
    "log_timestamps": "at",
    "data_keys": "spared",  # whom it is of is told by the people that it opens
    "retention_periods": "as_before set_at",
    # How it is worked off, how the same one is known again, and what deeds have.
    "requests": "changed options not_before resolved to_resolve_from unreachable file_lines due_reason forgotten_at "
    "forget_from idempotency_key idempotency_print content_digest",
    "subjects": "user_print email_print phone_print whole_print",  # they find people, and prove nothing
    "vendors": "by_hand chunk_people limits probe_at probe_interval_s reach served_at strikes turn turn_due_at",
}
"""Columns that may be changed without being found."""

MORE = {
    "entries change places": (
        """UPDATE log_entries AS one SET type = other.type, request = other.request, row_id = other.row_id,
        entry = other.entry FROM log_entries AS other WHERE one.index + other.index = 7 AND one.index < 8""",
    ),
    "the newest entries were never there": (
        "DELETE FROM log_entries WHERE index > (SELECT min(index) FROM log_entries WHERE type = 'deed')",
        "UPDATE log_head SET size = (SELECT count(*) FROM log_entries)",
        "DELETE FROM log_checkpoints",
    ),
    "a deed and its entry were never there": (
        "DELETE FROM notes",
        "DELETE FROM log_entries WHERE type = 'deed'",
        "UPDATE log_head SET size = (SELECT count(*) FROM log_entries)",
        "DELETE FROM log_checkpoints",
    ),
    "audit entries change places": (
        """UPDATE audit_entries AS one SET deed = other.deed, target = other.target, allowed = other.allowed
        FROM audit_entries AS other WHERE one.id + other.id = (SELECT 2 * max(id) - 1 FROM audit_entries)
        AND one.id > (SELECT max(id) - 2 FROM audit_entries)""",
    ),
    "a restored backup that nobody found": (
        """INSERT INTO restores (entries, copy_entries, copy_roots, lifted_at, lifted_by, because)
        VALUES (1, 2, '{a}', now(), 'x', 'y')""",
    ),
    "an audit entry that nobody made": ("INSERT INTO audit_entries (by, deed, allowed) VALUES ('cli:x', 'y', true)",),
    "people change places": (
        """UPDATE subjects AS one SET sealed = other.sealed FROM subjects AS other
        WHERE one.line + other.line = 3""",
    ),
}
# A value that is certainly another one, by the type of the column; `{0}` is the column, `:by` a number from 1 to 255.
OTHER = {
    "bool": "NOT {0}",
    "int2": "{0} + CAST(:by AS integer)",
    "int4": "{0} + CAST(:by AS integer)",
    "int8": "{0} + CAST(:by AS integer)",
    "xid8": "CAST(CAST(CAST(CAST({0} AS text) AS bigint) + CAST(:by AS integer) AS text) AS xid8)",
    "float8": "{0} + CAST(:by AS integer)",
    "text": "{0} || CAST(:by AS text)",
    "uuid": "gen_random_uuid()",
    "timestamptz": "{0} + make_interval(secs => CAST(:by AS integer))",
    "bytea": "overlay({0} PLACING substring(sha256({0}) FROM 1 FOR least(32, length({0}))) FROM 1)",
    "jsonb": "{0} || jsonb_build_object('x', CAST(:by AS integer))",
    "_int2": "{0} || CAST(:by AS smallint)",
    "_int8": "{0} || CAST(:by AS bigint)",
    "_text": "{0} || 'x'",
    "_bytea": "{0} || CAST('x' AS bytea)",
}
ANOTHER_LABEL = "(SELECT min(one) FROM unnest(enum_range(CAST(NULL AS {0}))) AS one WHERE one <> {1})"
CHANGE_ONE = """
    UPDATE {0} SET {1} = COALESCE({2}, {3}) WHERE ctid = (SELECT ctid FROM {0} ORDER BY ctid LIMIT 1)
"""
REMOVE_ONE = "DELETE FROM {0} WHERE ctid = (SELECT ctid FROM {0} ORDER BY ctid LIMIT 1)"
INSTEAD_OF_NULL = {
    "bool": "true",
    "int2": "1",
    "int4": "1",
    "int8": "1",
    "xid8": "'1'",
    "float8": "1",
    "text": "'x'",
    "uuid": "gen_random_uuid()",
    "timestamptz": "now()",
    "bytea": "'\\x00'",
    "jsonb": "'{}'",
    "_int2": "'{1}'",
    "_int8": "'{1}'",
    "_text": "'{x}'",
    "_bytea": "'{x}'",
}


@pytest.fixture
def logged(desk: Desk) -> Desk:
    """A ledger in which every covered table has rows."""
    desk.submit(people(3))
    desk.work_off(desk.tools_for(lambda _, batch: [APPLIED] * len(batch)))
    with desk.engine.begin() as connection:
        add_note(connection, desk.one("SELECT id FROM requests"), "cli:anna", "accept", because="by phone")
        audit.add(connection, [Entry("user:anna", f"GET /v1/{n}", allowed=n == 0, target="insider") for n in range(3)])
        connection.execute(
            text("INSERT INTO log_pending (type, facts) SELECT 'test', '{}' FROM generate_series(1, 300)")
        )
        for statement in _MORE_ROWS:
            connection.execute(text(statement))
    desk.switch_off("insider")
    keeper = LogKeeper(desk.engine, desk.masters, lambda: KEY, stamping=Stamping(AUTHORITY.answer))
    while keep_log(keeper):
        pass
    return desk


_MORE_ROWS = (
    "INSERT INTO legal_holds (reason, because, added_by) VALUES ('litigation', 'case 7', 'cli:anna')",
    "UPDATE legal_holds SET ended_at = now(), ended_by = 'cli:anna', ended_because = 'lost'",
    "DELETE FROM retention_periods",
    "INSERT INTO retention_periods (name, days, set_by) VALUES ('erasure', 30, 'cli:anna')",
    "INSERT INTO restores (entries, copy_entries, copy_roots) VALUES (1, 2, ARRAY[CAST('a' AS bytea)])",
    "UPDATE restores SET lifted_at = now(), lifted_by = 'cli:anna', because = 'the disk', copy_roots = '{a,b}'",
    # As migrations do in a new ledger.
    "INSERT INTO log_head DEFAULT VALUES ON CONFLICT DO NOTHING",
    """INSERT INTO log_pending (type, facts) SELECT 'log', jsonb_build_object('id', id,
        'requests_after', requests_after, 'deeds_after', notes_after) FROM log_head""",
)


class Attacker:
    """Anyone who may do everything to the database: guards and triggers are set aside. Nothing of it is kept."""

    def __init__(self, desk: Desk, connection: Connection) -> None:
        self._desk, self._connection, self._random = desk, connection, Random(11)
        connection.execute(text("SET LOCAL session_replication_role = replica"))

    def faults(self) -> Iterator[str]:
        """From what asks little to what reads the whole log, as the first that is found is enough."""
        yield from check_rows(self._connection)
        yield from check_timestamps(self._connection, AUTHORITY.roots)
        yield from check_log(self._connection, [KEY.public]).faults
        yield from check_trees(self._connection, self._desk.masters)

    def is_found(self, *changes: str) -> bool:
        """Whether these changes are found together, or the tables refuse them."""
        to_undo = self._connection.begin_nested()
        try:
            for change in changes:
                values = {"by": self._random.randint(1, 255)} if ":by" in change else {}
                assert self._connection.execute(text(change), values).rowcount, f"nothing changed: {change}"
            return next(self.faults(), None) is not None
        except IntegrityError:
            return True
        finally:
            to_undo.rollback()


@pytest.fixture
def attacker(logged: Desk) -> Iterator[Attacker]:
    with logged.engine.connect() as connection, connection.begin() as transaction:
        attacker = Attacker(logged, connection)
        assert list(attacker.faults()) == []
        yield attacker
        transaction.rollback()


def test_whatever_is_changed_removed_or_reordered_is_found(logged: Desk, attacker: Attacker) -> None:
    unseen = []
    for table, column, kind, is_enum in logged.rows(_COLUMNS, tables=list(COVERED)):
        value = ANOTHER_LABEL.format(kind, column) if is_enum else OTHER[kind].format(column)
        instead = "NULL" if is_enum else INSTEAD_OF_NULL[kind]
        if not attacker.is_found(CHANGE_ONE.format(table, column, value, instead)):
            unseen.append(f"{table}.{column}")
    known = {f"{table}.{column}" for table, columns in NOT_LOGGED.items() for column in columns.split()}
    assert {*unseen} ^ known == set(), "log it and compare it, or name it in NOT_LOGGED"
    assert [table for table in COVERED if not attacker.is_found(REMOVE_ONE.format(table))] == []
    assert [name for name, changes in MORE.items() if not attacker.is_found(*changes)] == []


_COLUMNS = """
    SELECT table_name, column_name, udt_name, typtype = 'e'
    FROM information_schema.columns JOIN pg_type ON typname = udt_name
    WHERE table_schema = current_schema() AND table_name = ANY(:tables) AND is_identity = 'NO' ORDER BY 1, 2
"""
