"""Connections to the ledger, and its migrations."""

from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

__all__ = ["Connection", "Engine", "OperationalError", "connect", "driver_of", "is_migrated", "migrate"]

MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x636F6E73656E74  # "consent": two stacks starting at once must not migrate together


def connect(url: str, *, pool_size: int = 8, patience_s: float | None = None, trusted_s: float | None = None) -> Engine:
    """A pool of connections to the ledger at `url` (`postgresql://...`). Dead ones are noticed and replaced.

    `patience_s`: a transaction that does nothing for so long is ended, and so is waiting for a lock: a frozen worker
    must not hold what the others need. `trusted_s`: a connection in use so lately is not asked whether it
    lives; None asks every time.

    Raises sqlalchemy.exc.ArgumentError for an address that cannot be read; connects only when first used.
    """
    patience = {}
    if patience_s is not None:
        limit_ms = round(patience_s * 1000)
        patience["options"] = f"-c idle_in_transaction_session_timeout={limit_ms} -c lock_timeout={limit_ms}"
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=trusted_s is None,
        hide_parameters=True,  # a statement's parameters are people; no error may quote them
        connect_args={"connect_timeout": 5, "application_name": "consent", **patience},
    )
    if trusted_s is not None:
        _ask_idle_ones(engine, trusted_s)
    return engine


def _ask_idle_ones(engine: Engine, trusted_s: float) -> None:
    # SQLAlchemy's pool_pre_ping adds a round trip to every transaction, of which a web process has hundreds a second.
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
    """psycopg's own connection, in the same transaction, for what SQLAlchemy cannot say: COPY, and results in binary.
    Its errors are psycopg.Error."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - for the type checker: `connect` chose the driver
    return driver


def migrate(engine: Engine, to: str = "head") -> None:
    """Bring the ledger's tables up to date, or to an older revision. Safe to run from several processes at once."""
    from alembic import command  # noqa: PLC0415 - a third of a second that only this needs
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    # Each revision is a transaction of its own: what one adds to an enum may be used by the next one only. So the lock
    # is the connection's, and outlives them.
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        connection.commit()
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, to)
        finally:
            connection.invalidate()  # and with the connection goes the lock


def is_migrated(connection: Connection) -> bool:
    """Whether the ledger's tables are those of this program."""
    from alembic.migration import MigrationContext  # noqa: PLC0415

    return MigrationContext.configure(connection).get_current_heads() == _newest()


@cache
def _newest() -> tuple[str, ...]:
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    return tuple(ScriptDirectory(str(MIGRATIONS)).get_heads())
