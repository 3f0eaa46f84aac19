"""How long a statement, a wait for a lock and an idle transaction may last: our own limits, whatever the role's are."""

from collections.abc import Mapping

from sqlalchemy import Connection, text

STATEMENT_S = 600.0
"""Longer than any statement that a person or a vendor waits for. Work that grows with the ledger is `unhurried`."""
MARK = "consent.direct"
"""Set by startup options, and missing where something in between has dropped these."""


def bounds(patience_s: float | None) -> dict[str, int]:
    """PostgreSQL's settings in milliseconds, 0 for no limit. `patience_s` as in `session.connect`."""
    patience_ms = 0 if patience_s is None else max(1, round(patience_s * 1000))
    return {
        "statement_timeout": round(STATEMENT_S * 1000),
        "lock_timeout": patience_ms,
        "idle_in_transaction_session_timeout": patience_ms,
    }


def startup_options(patience_s: float | None) -> str:
    """The same for a whole connection, for libpq's `options`: they override the role's."""
    settings: Mapping[str, object] = {**bounds(patience_s), "idle_session_timeout": 0, MARK: "on"}
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


def set_local(connection: Connection, patience_s: float | None) -> int:
    """The same for the present transaction only, as a pooler requires; returns the backend process that has it."""
    version = connection.dialect.server_version_info or (0,)
    settings = {**bounds(patience_s), **({"transaction_timeout": 0} if version >= (17,) else {})}
    chosen = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())
    return int(connection.execute(text(f"SELECT pg_backend_pid(), {chosen}")).scalar_one())


def unhurried(connection: Connection) -> None:
    """Remove the limit for statements of the present transaction: a file, a volume, a migration."""
    connection.execute(_UNHURRIED)


_UNHURRIED = text("SET LOCAL statement_timeout = 0")
