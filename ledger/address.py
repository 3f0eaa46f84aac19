"""How safe the way to the ledger is: what its address says of logging in and of encryption."""

import os

from sqlalchemy import URL, make_url

VERIFYING = frozenset({"verify-ca", "verify-full"})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
NOT_IN_CLEAR = "!password"
"""Any way to log in but the one that sends the password as it is (libpq's `require_auth`)."""


def login_rules(url: URL) -> dict[str, str]:
    """What libpq is told besides the address, so that no stranger who answers there is shown the password. Nothing
    where the address or PGREQUIREAUTH says it, or the server proves itself by a certificate."""
    if "require_auth" in url.query or "PGREQUIREAUTH" in os.environ or url.query.get("sslmode") in VERIFYING:
        return {}
    return {"require_auth": NOT_IN_CLEAR}


def is_open_to_readers(address: str) -> bool:
    """Whether the ledger is on another machine, and whoever is on the way there could read what is said or answer in
    its place: TLS with a verified certificate is missing. Raises sqlalchemy.exc.ArgumentError."""
    url = make_url(address)
    named = url.host or url.query.get("host", "")
    hosts = {named} if isinstance(named, str) else set(named)
    elsewhere = [host for host in hosts if host and not host.startswith("/") and host not in LOOPBACK]
    return bool(elsewhere) and url.query.get("sslmode", os.environ.get("PGSSLMODE")) not in VERIFYING
