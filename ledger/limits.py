"""How long a statement, a wait for a lock and an idle transaction may last: our own bounds, whatever the role's are."""

from collections.abc import Mapping

from sqlalchemy import Connection, text

STATEMENT_S = 600.0
"""More than any statement takes that a person or a vendor waits for; work that grows with the ledger is `unhurried`."""
MARK = "consent.direct"
"""Set by startup options, so that it is missing where something between has dropped them."""


def bounds(patience_s: float | None) -> dict[str, int]:
    """Settings of PostgreSQL in milliseconds, 0 for no bound. `patience_s` as `session.connect` has it."""
    patience_ms = 0 if patience_s is None else max(1, round(patience_s * 1000))
    return {
        "statement_timeout": round(STATEMENT_S * 1000),
        "lock_timeout": patience_ms,
        "idle_in_transaction_session_timeout": patience_ms,
    }


def startup_options(patience_s: float | None) -> str:
    """The same for the whole of a connection, for libpq's `options`: they count for more than what the role has."""
    settings: Mapping[str, object] = {**bounds(patience_s), "idle_session_timeout": 0, MARK: "on"}
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


def set_local(connection: Connection, patience_s: float | None) -> int:
    """The same for the present transaction only, as a pooler wants it; the process of the server that has it."""
    version = connection.dialect.server_version_info or (0,)
    settings = {**bounds(patience_s), **({"transaction_timeout": 0} if version >= (17,) else {})}
    chosen = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())
    return int(connection.execute(text(f"SELECT pg_backend_pid(), {chosen}")).scalar_one())


def unhurried(connection: Connection) -> None:
    """Let statements of the present transaction take as long as they take: a file, a volume, a migration."""
    connection.execute(_UNHURRIED)


_UNHURRIED = text("SET LOCAL statement_timeout = 0")
