"""The audit log: who was let in or turned away, and what they did there. Only ever added to."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text


class Entry(NamedTuple):
    """One decision at a door. Nothing in it comes from what was submitted, and no entry names a data subject."""

    by: str
    """A principal (`key:…`, `user:…`, `cli:…`), or `nobody` for whoever could not say who they are."""
    deed: str
    """What was asked: a method and the template of its path, or a command."""
    allowed: bool
    target: str | None = None
    """What it was done to: the id of a request, the name of a vendor or account, the prefix of a key."""
    status: int | None = None
    """What an HTTP door answered."""
    because: str | None = None
    """Why it was turned away, where neither deed nor status say it: fields and rules, never a value."""


def add(connection: Connection, entries: Sequence[Entry]) -> None:
    """Write entries; they stand when the caller commits."""
    columns = {name: [getattr(entry, name) for entry in entries] for name in Entry._fields}
    connection.execute(_ADD, columns)


_ADD = text("""
    INSERT INTO audit_entries (by, deed, allowed, target, status, because)
    SELECT * FROM unnest(CAST(:by AS text[]), CAST(:deed AS text[]), CAST(:allowed AS boolean[]),
        CAST(:target AS text[]), CAST(:status AS smallint[]), CAST(:because AS text[]))
""")


class Written(NamedTuple):
    """An entry as it stands in the log."""

    at: datetime
    by: str
    deed: str
    allowed: bool
    target: str | None
    status: int | None
    because: str | None


def newest(connection: Connection, limit: int) -> list[Written]:
    """The last entries, the newest first."""
    return [Written(*row) for row in connection.execute(_NEWEST, {"limit": limit})]


_NEWEST = text("SELECT at, by, deed, allowed, target, status, because FROM audit_entries ORDER BY id DESC LIMIT :limit")
