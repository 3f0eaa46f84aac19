"""Connections to the ledger, and its migrations."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from time import monotonic
from typing import Any, LiteralString

import psycopg
from psycopg.errors import InsufficientPrivilege, LockNotAvailable, QueryCanceled
from sqlalchemy import URL, Connection, Dialect, Engine, TextClause, create_engine, event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError, OperationalError, ProgrammingError
from sqlalchemy.pool import ConnectionPoolEntry

from ledger.asked import Ask
from ledger.driver_options import MARK, NETWORK, login_rules, startup_options
from ledger.failures import LedgerError
from ledger.limits import set_local, unhurried
from ledger.liveness import WatchedConnection
from ledger.roles import keep_roles
from ledger.schema import MIGRATIONS, check_schema, is_migrated, is_of_this_program, note_fit
from ledger.troubles import trouble_of

__all__ = ["Connection", "Engine", "OperationalError", "connect", "driver_of", "migrate", "one_by_one", "rows_of"]

# We report a lost connection in our words. The driver's own message is for logs, and not for the command line.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

_MIGRATION_LOCK = 0x636F6E73656E74  # "consent": two stacks that start at once must not migrate at the same time


def connect(
    url: str,
    *,
    pool_size: int = 8,
    patience_s: float | None = None,
    trusted_s: float | None = None,
    pooled: bool = False,
) -> Engine:
    """A pool of connections to the ledger at `url` (`postgresql://...`). Dead, silent and stale ones are noticed and
    replaced. The role's own time-outs do not count (`ledger.limits`).

    `patience_s`: a transaction idle for so long is ended, and so is a wait for a lock: a frozen worker must not keep
    what others need. `trusted_s`: a connection used this recently is not tested; None tests it every time. `pooled`: a
    pooler in between gives each transaction another connection of the server, so nothing may outlast a transaction.

    Raises sqlalchemy.exc.ArgumentError for an unreadable address; connects only when first used.
    """
    address = make_url(url).set(drivername="postgresql+psycopg")
    engine = create_engine(
        address,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=trusted_s is None,
        hide_parameters=True,  # a statement's parameters are people, and no error may quote them
        connect_args={
            **{name: value for name, value in NETWORK.items() if name not in address.query},
            "application_name": "consent",
            **login_rules(address.query),
            **({"prepare_threshold": None} if pooled else {"options": _options(address, patience_s)}),
        },
        execution_options={_POOLED: pooled},
    )
    event.listen(engine, "do_connect", lambda _, __, args, given: WatchedConnection.open(args, given, pooled=pooled))
    event.listen(engine, "handle_error", _drop_stale)
    if pooled:
        event.listen(engine, "begin", lambda connection: _begin_pooled(connection, patience_s))
    else:
        event.listen(engine, "connect", _check_direct)
    if trusted_s is not None:
        _ask_idle_ones(engine, trusted_s)
    return engine


_POOLED = "consent_pooled"


def _options(address: URL, patience_s: float | None) -> str:
    """Options of the address, else of libpq's environment, such as a search_path; and ours."""
    theirs = address.query.get("options", os.environ.get("PGOPTIONS", ""))
    return " ".join([*([theirs] if isinstance(theirs, str) else theirs), startup_options(patience_s)])


def asking(connection: Connection) -> Ask:
    """This connection as a function that asks the ledger (`ledger.asked`)."""
    return lambda statement, given: connection.execute(_prepared(statement), given).all()


@lru_cache
def _prepared(statement: str) -> TextClause:
    return text(statement)


@contextmanager
def one_by_one(engine: Engine) -> Iterator[Connection]:
    """A connection whose every statement is committed at once; behind a pooler, where our time-outs need a transaction,
    all of them together at the end."""
    if engine.get_execution_options().get(_POOLED):
        with engine.begin() as connection:
            yield connection
    else:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            yield connection


def rows_of(connection: Connection, statement: TextClause, given: Mapping[str, object]) -> list[tuple[Any, ...]]:
    """All rows of a statement. Raises what SQLAlchemy raises, and psycopg.OperationalError where it took too long.

    For statements that run hundreds of times a second: on a connection of `one_by_one` psycopg runs them alone, in half
    the time.
    """
    driver = driver_of(connection)
    if driver.autocommit:
        try:
            return driver.execute(_for_psycopg(statement, connection.dialect), given).fetchall()
        except (QueryCanceled, LockNotAvailable):
            raise
        except psycopg.Error:
            # It was undone, or the connection is gone. Below, SQLAlchemy meets the same and tells the pool.
            pass
    return [tuple(row) for row in connection.execute(statement, given)]


@lru_cache
def _for_psycopg(statement: TextClause, dialect: Dialect) -> LiteralString:
    return str(statement.compile(dialect=dialect))


def _begin_pooled(connection: Connection, patience_s: float | None) -> None:
    watched = connection.connection.driver_connection
    assert isinstance(watched, WatchedConnection)  # noqa: S101 - for the type checker: `connect` made it
    watched.backend = None
    watched.backend = set_local(connection, patience_s)


def _check_direct(connection: psycopg.Connection[tuple[Any, ...]], _: object) -> None:
    newer = connection.info.server_version >= 170_000  # it has a limit that older servers do not know
    more = ", set_config('transaction_timeout', '0', false)" if newer else ""
    found = connection.execute(f"SELECT current_setting('{MARK}', true){more}").fetchone()
    connection.commit()
    if found is None or found[0] != "on":
        raise psycopg.OperationalError("startup options were dropped")


def _drop_stale(context: ExceptionContext) -> None:
    """A connection that was made while PostgreSQL was read-only, or restricted us, may stay so. After such an error,
    all connections of the pool are replaced at their next use."""
    trouble = trouble_of(context.original_exception)
    if trouble is not None and trouble.stale and context.connection is not None:
        context.is_disconnect = True


def _ask_idle_ones(engine: Engine, trusted_s: float) -> None:
    # SQLAlchemy's pool_pre_ping adds a round trip to every transaction, and a web process has hundreds a second.
    def note_use(_: object, record: ConnectionPoolEntry) -> None:
        record.info[_USED_AT] = monotonic()

    def ask(connection: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:
        if monotonic() - record.info.get(_USED_AT, monotonic()) < trusted_s:
            return
        try:
            engine.dialect.do_ping(connection)
        except psycopg.Error:
            raise DisconnectionError from None

    event.listen(engine, "checkin", note_use)
    event.listen(engine, "checkout", ask)


_USED_AT = "consent_used_at"


def driver_of(connection: Connection) -> psycopg.Connection[tuple[Any, ...]]:
    """psycopg's own connection, in the same transaction, for what SQLAlchemy lacks: COPY, and binary results. Its
    errors are psycopg.Error."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - for the type checker: `connect` chose the driver
    return driver


def migrate(engine: Engine, to: str = "head") -> str | None:
    """Bring the ledger's tables up to date, or to an older revision, and its roles. Several processes may run it at
    once. It takes two connections, and has no time limit.

    Returns what an administrator has to run before there can be roles, where this user may not make them; or None.
    Raises LedgerError where the user of the address may not, with what to run, and where the tables are no older ones
    of this program.
    """
    # Each revision is a transaction of its own, because what one adds to an enum may only be used by the next. So a
    # transaction beside theirs has the lock, which also lasts behind a pooler.
    with engine.begin() as guard:
        guard.execute(_WAIT)
        guard.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        _check_may_create(guard)
        try:
            return keep_roles(engine) if _upgrade(engine, to) else None
        except ProgrammingError as error:
            if isinstance(error.orig, InsufficientPrivilege):
                told = "its user may not change our tables: run `consent migrate` as the user who made them"
                raise LedgerError(told, word="refusing") from None
            raise


def _upgrade(engine: Engine, to: str) -> bool:
    """Whether the tables have this program's revision now."""
    from alembic import command, config  # noqa: PLC0415 - a third of a second that only this needs

    alembic = config.Config()
    alembic.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection:
        event.listen(connection, "begin", unhurried)
        if not is_of_this_program(connection):
            check_schema(connection)
            return False
        connection.commit()
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, to)
        if is_whole := is_migrated(connection):
            note_fit(connection)
        connection.commit()
        return is_whole


_WAIT = text(
    "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
)


def _check_may_create(connection: Connection) -> None:
    found = connection.execute(_MAY_CREATE).one()
    if not found.may:
        grant = f"GRANT USAGE, CREATE ON SCHEMA {found.schema} TO {found.role};"
        raise LedgerError(
            f"its user may not create tables there: have the owner of the database run {grant}", word="refusing"
        )


_MAY_CREATE = text("""
    SELECT quote_ident(current_user) AS role, quote_ident(COALESCE(current_schema(), 'public')) AS schema,
        COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false) AS may
""")
