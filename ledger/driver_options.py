"""What psycopg is told with an address: how secure the login is, how long anything may take. Without SQLAlchemy, for
commands that read one thing."""

import os
from collections.abc import Mapping

VERIFYING = frozenset({"verify-ca", "verify-full"})
NOT_IN_CLEAR = "!password"
"""Any login method except sending the password in clear (libpq's `require_auth`)."""
STATEMENT_S = 600.0
"""Longer than any statement that a person or a vendor waits for. Work that grows with the ledger is `unhurried`."""
MARK = "consent.direct"
"""Set by startup options, and missing where something in between has dropped these."""
NETWORK = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""For libpq: data not acknowledged for 15 s, or three silent probes, break a connection. Unix sockets ignore them."""


def login_rules(query: Mapping[str, object]) -> dict[str, str]:
    """Extra settings for libpq, so that a stranger who answers there does not learn the password; `query`: that of the
    address. Empty where it or PGREQUIREAUTH sets them, or where the server is verified by a certificate."""
    if "require_auth" in query or "PGREQUIREAUTH" in os.environ or query.get("sslmode") in VERIFYING:
        return {}
    return {"require_auth": NOT_IN_CLEAR}


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
