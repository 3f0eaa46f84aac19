"""Whether a process can work with the ledger: checked at its start, by `consent doctor` and by load balancers."""

from sqlalchemy import Connection, Engine, text

from ledger.failures import READ_ONLY, LedgerError, as_ledger_errors
from ledger.keys import check_keys
from ledger.schema import check_schema
from ledger.sealing import MasterKeys

OLDEST_MAJOR = 14
"""The first version with DETACH PARTITION CONCURRENTLY, by which volumes are dropped."""


def check_fitness(engine: Engine, masters: MasterKeys | None = None) -> None:
    """Return where PostgreSQL takes writes, has tables that this program knows and rights on all of them, and these
    keys are those of its people. It writes, and leaves nothing behind.

    Raises LedgerError, and ledger.sealing.UnsealError for keys of another ledger.
    """
    with as_ledger_errors(), engine.begin() as connection:
        if (connection.dialect.server_version_info or (OLDEST_MAJOR,)) < (OLDEST_MAJOR,):
            raise LedgerError(f"it is older than version {OLDEST_MAJOR}, which is needed", word="too old")
        if connection.execute(_IS_READ_ONLY).scalar_one():
            raise LedgerError(READ_ONLY, word="read-only")
        check_schema(connection)
        _check_rights(connection)
        connection.execute(_WRITE)
        if masters is not None:
            check_keys(connection, masters)


def _check_rights(connection: Connection) -> None:
    found = connection.execute(_LACKING).one()
    if found.lacking:
        grants = (
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {found.schema} TO {found.role}; "
            f"GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA {found.schema} TO {found.role};"
        )
        named = ", ".join(found.lacking)
        raise LedgerError(f"its user lacks rights on {named}: have their owner run {grants}", word="refusing")


_IS_READ_ONLY = text("SELECT current_setting('transaction_read_only') = 'on' OR pg_is_in_recovery()")
# Locking a row writes to the table and its log, and the table does not grow. Skip a row that somebody else has locked:
# they have written.
_WRITE = text("SELECT id FROM volumes ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED")
# Our tables are those of the owner of the first of them. The parts of a volume are reached by their parent.
_LACKING = text("""
    SELECT quote_ident(current_user) AS role, quote_ident(current_schema()) AS schema,
        (SELECT array_agg(CAST(relname AS text) ORDER BY relname)
         FROM pg_class AS ours
         JOIN (SELECT relnamespace, relowner FROM pg_class WHERE oid = to_regclass('alembic_version')) AS first
            USING (relnamespace, relowner)
         WHERE NOT relispartition AND relname <> 'alembic_version' AND NOT CASE
            WHEN relkind = 'S' THEN relname <> 'requests_id_seq' OR has_sequence_privilege(ours.oid, 'USAGE')
            WHEN relkind IN ('r', 'p') THEN has_table_privilege(ours.oid, 'SELECT')
                AND has_table_privilege(ours.oid, 'INSERT')
                AND (relname NOT IN ('requests', 'chunks', 'tallies', 'vendors', 'steps', 'outbox', 'volumes')
                    OR has_table_privilege(ours.oid, 'UPDATE'))
                AND (relname <> 'sessions' OR has_table_privilege(ours.oid, 'DELETE'))
            ELSE true END) AS lacking
""")
