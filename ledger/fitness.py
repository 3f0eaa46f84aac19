"""Whether a process can work with the ledger: checked at its start, by `consent doctor` and by load balancers."""

from psycopg.sql import SQL, Identifier
from sqlalchemy import Connection, Engine, text

from ledger.failures import LedgerError, as_ledger_errors
from ledger.keys import check_keys
from ledger.rights_held import rights_lacking
from ledger.role_names import place_of
from ledger.schema import check_schema
from ledger.sealing import MasterKeys
from ledger.troubles import READ_ONLY

OLDEST_MAJOR = 14
"""The first version with `CREATE OR REPLACE TRIGGER`, by which filters are kept up to date."""


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
    if lacking := rights_lacking(connection):
        raise LedgerError(
            f"its user lacks rights on {', '.join(lacking)}: {_way_to_rights(connection)}", word="refusing"
        )


def _way_to_rights(connection: Connection) -> str:
    place = place_of(connection)
    app = place.roles.app
    found = connection.execute(_APP, {"app": app}).one()
    if found.is_member:
        return f"`consent migrate` gives them back to {app}"
    statement = GRANT_ROLE if found.exists else GRANT_ALL
    named = {"user": Identifier(place.user), "app": Identifier(app), "schema": Identifier(place.schema)}
    return f"have their owner run {SQL(statement).format(**named).as_string()}"


GRANT_ROLE = "GRANT {app} TO {user};"
GRANT_ALL = (
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {user}; "
    "GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA {schema} TO {user}; "
    "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {user};"
)
"""Where there are no roles."""
_APP = text("""
    SELECT count(*) > 0 AS exists, COALESCE(bool_or(pg_has_role(oid, 'MEMBER')), false) AS is_member
    FROM pg_roles WHERE rolname = :app
""")


_IS_READ_ONLY = text("SELECT current_setting('transaction_read_only') = 'on' OR pg_is_in_recovery()")
# Locking a row writes to the table and its log, and the table does not grow. Skip a row that somebody else has locked:
# they have written.
_WRITE = text("SELECT id FROM volumes ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED")
