"""Reading one thing from the ledger by psycopg alone: SQLAlchemy takes half a second to load. Dead and silent servers
are noticed as always."""

import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import parse_qsl, urlsplit

import psycopg
from psycopg.rows import namedtuple_row

from ledger.asked import Ask
from ledger.driver_options import NETWORK, login_rules, startup_options
from ledger.liveness import WatchedConnection

SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")


class NotReadError(Exception):
    """The ledger cannot be read in this way; `session.connect` tells why."""


@contextmanager
def reading(url: str) -> Iterator[Ask]:
    """A way to ask the ledger at this address, without a pooler in between. Raises NotReadError, and ValueError where
    the address is none."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise NotReadError
    query = dict(parse_qsl(parts.query))
    given = {
        **{name: value for name, value in NETWORK.items() if name not in query},
        **login_rules(query),
        "application_name": "consent",
        "options": f"{query.get('options', os.environ.get('PGOPTIONS', ''))} {startup_options(None)}".strip(),
        "row_factory": namedtuple_row,
    }
    address = parts._replace(scheme=SCHEMES[0]).geturl()
    try:
        with closing(WatchedConnection.open((address,), given, pooled=False)) as connection:
            connection.read_only = True
            yield lambda statement, values: connection.execute(_for_psycopg(statement), values).fetchall()
    except psycopg.Error:
        raise NotReadError from None


def _for_psycopg(statement: str) -> bytes:
    """The same with parameters as psycopg names them."""
    return _PARAMETER.sub(r"%(\1)s", statement.replace("%", "%%")).encode()
