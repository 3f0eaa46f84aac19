"""The names of a ledger's roles in PostgreSQL."""

from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Connection, text

LONGEST_NAME = 63
"""Bytes of a name in PostgreSQL, which cuts off what is longer."""
_DIGEST = 8


class Roles(NamedTuple):
    """The roles of a database. Users log in, and are members of them."""

    owner: str
    """Owns tables and functions, and migrates."""
    app: str
    """Workers, web and commands."""
    reader: str
    """Reports, and what else may only look."""


def roles_of(database: str) -> Roles:
    """The names carry the database's, because roles belong to all databases of a server."""
    stem = f"consent_{database}" if database.startswith("pg_") else database  # PostgreSQL keeps pg_… for itself
    longest = LONGEST_NAME - max(len(f"_{role}") for role in Roles._fields)
    if len(stem.encode()) > longest:
        kept = stem.encode()[: longest - _DIGEST - 1].decode(errors="ignore")
        stem = f"{kept}_{sha256(stem.encode()).hexdigest()[:_DIGEST]}"
    return Roles(*(f"{stem}_{role}" for role in Roles._fields))


class Place(NamedTuple):
    """Where a connection leads, and as whom."""

    user: str
    database: str
    schema: str

    @property
    def roles(self) -> Roles:
        """The roles of this database."""
        return roles_of(self.database)


def place_of(connection: Connection) -> Place:
    """Where this connection leads."""
    return Place(*connection.execute(_PLACE).one())


_PLACE = text("""
    SELECT CAST(current_user AS text), CAST(current_database() AS text),
        CAST(COALESCE(current_schema(), 'public') AS text)
""")
