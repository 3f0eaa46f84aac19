"""How long a statement, a wait for a lock and an idle transaction may last: our own limits (`ledger.driver_options`),
whatever the role's are, for one transaction."""

from sqlalchemy import Connection, text

from ledger.driver_options import bounds


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
