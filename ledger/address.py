"""How secure the connection to the ledger is, by its address."""

import os

from sqlalchemy import make_url

from ledger.driver_options import VERIFYING

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_open_to_readers(address: str) -> bool:
    """Whether the ledger is on another machine without TLS and a verified certificate, so that somebody in between
    could read or answer in its place. Raises sqlalchemy.exc.ArgumentError."""
    url = make_url(address)
    named = url.host or url.query.get("host", "")
    hosts = {named} if isinstance(named, str) else set(named)
    elsewhere = [host for host in hosts if host and not host.startswith("/") and host not in LOOPBACK]
    return bool(elsewhere) and url.query.get("sslmode", os.environ.get("PGSSLMODE")) not in VERIFYING
