"""How secure the connection to the ledger is, by its address: login and encryption."""

import os

from sqlalchemy import URL, make_url

VERIFYING = frozenset({"verify-ca", "verify-full"})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
NOT_IN_CLEAR = "!password"
"""Any login method except sending the password in clear (libpq's `require_auth`)."""


def login_rules(url: URL) -> dict[str, str]:
    """Extra settings for libpq, so that a stranger who answers there does not learn the password. Empty where the
    address or PGREQUIREAUTH sets it, or where the server is verified by a certificate."""
    if "require_auth" in url.query or "PGREQUIREAUTH" in os.environ or url.query.get("sslmode") in VERIFYING:
        return {}
    return {"require_auth": NOT_IN_CLEAR}


def is_open_to_readers(address: str) -> bool:
    """Whether the ledger is on another machine without TLS and a verified certificate, so that somebody in between
    could read or answer in its place. Raises sqlalchemy.exc.ArgumentError."""
    url = make_url(address)
    named = url.host or url.query.get("host", "")
    hosts = {named} if isinstance(named, str) else set(named)
    elsewhere = [host for host in hosts if host and not host.startswith("/") and host not in LOOPBACK]
    return bool(elsewhere) and url.query.get("sslmode", os.environ.get("PGSSLMODE")) not in VERIFYING
