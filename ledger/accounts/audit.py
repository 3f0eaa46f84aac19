"""The audit log: who was admitted or refused, and what they did. Rows are only added, and dropped with the record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text


class Entry(NamedTuple):
    """One entry of the log. It contains nothing of what was submitted, and names no data subject."""

    by: str
    """A principal (`key:…`, `user:…`, `cli:…`), or `nobody` for an unauthenticated caller."""
    deed: str
    """What was asked for: a method and the template of its path, or a command."""
    allowed: bool
    target: str | None = None
    """What it was done to: a request's id, the name of a vendor or account, the prefix of a key."""
    status: int | None = None
    """The HTTP status of the answer."""
    because: str | None = None
    """Why it was refused, where deed and status do not say it: fields and rules, never a value."""
    source: str | None = None
    """The address that it came from, by the connection or by a trusted proxy."""
    key_prefix: str | None = None
    """The API key that was given, also where it was not valid."""
    account: str | None = None
    """Whose login was tried: the name of one of our users, or UNKNOWN. What a stranger types may be a password."""


UNKNOWN = "unknown"


class Origin(NamedTuple):
    """Where a deed came from over the network, for an Entry."""

    source: str | None = None
    key_prefix: str | None = None


HERE = Origin()
"""The command line, a worker, or another process of ours."""


def add(connection: Connection, entries: Sequence[Entry]) -> None:
    """Write entries; they are kept when the caller commits."""
    columns = {name: [getattr(entry, name) for entry in entries] for name in Entry._fields}
    connection.execute(_ADD, columns)


_ADD = text("""
    INSERT INTO audit_entries (by, deed, allowed, target, status, because, source, key_prefix, account)
    SELECT * FROM unnest(CAST(:by AS text[]), CAST(:deed AS text[]), CAST(:allowed AS boolean[]),
        CAST(:target AS text[]), CAST(:status AS smallint[]), CAST(:because AS text[]), CAST(:source AS text[]),
        CAST(:key_prefix AS text[]), CAST(:account AS text[]))
""")


def drop_old(connection: Connection, most: int) -> int:
    """Drop the oldest entries that the ledger's period for its record has passed, at most so many; returns how many."""
    return int(connection.execute(_DROP_OLD, {"most": most}).scalar_one())


_DROP_OLD = text("SELECT drop_audit_entries(CAST(:most AS integer))")


class Written(NamedTuple):
    """An entry of the log, as read."""

    at: datetime
    by: str
    deed: str
    allowed: bool
    target: str | None
    status: int | None
    because: str | None
    source: str | None
    key_prefix: str | None
    account: str | None
    id: int


@dataclass(frozen=True)
class Wanted:
    """Which entries to read; None does not restrict."""

    by: str | None = None
    """A principal, or a name, which stands for the principals with this name of every kind."""
    action: str | None = None
    """Words that the deed must contain, such as `vendor hold`, in a command or in a path of the HTTP API."""
    request: UUID | None = None
    """The request that it was done to."""
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    """The number of an entry: only older ones are read, for the next page."""
    allowed: bool | None = None
    """Whether it was allowed."""


def entries(connection: Connection, wanted: Wanted, limit: int) -> list[Written]:
    """At most this many entries, newest first."""
    values: dict[str, Any] = {"limit": limit}
    conditions: list[str] = []
    for name, condition in _WHERE.items():
        if (value := getattr(wanted, name)) is not None:
            conditions.append(condition)
            values[name] = value
    if wanted.by is not None:
        values["by"] = [wanted.by] if ":" in wanted.by else [wanted.by, *(f"{kind}:{wanted.by}" for kind in KINDS)]
    if wanted.request is not None:
        values["request_text"] = str(wanted.request)
    for place, word in enumerate((wanted.action or "").split()):
        conditions.append(f"strpos(lower(deed), :word_{place}) > 0")
        values[f"word_{place}"] = word.lower()
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return [Written(*row) for row in connection.execute(text(f"{_ENTRIES} {where} {_NEWEST_FIRST}"), values)]


KINDS = ("cli", "user", "key", "celery")
"""The prefixes of principals."""
# Composed of what is asked, as in `listing`. Submissions are found by time: see the index.
_WHERE: Mapping[str, str] = {
    "by": "by = ANY(CAST(:by AS text[]))",
    "request": """id IN (
        SELECT id FROM audit_entries WHERE target = :request_text AND deed <> 'submit'
        UNION ALL
        SELECT noted.id FROM requests JOIN audit_entries AS noted
            ON noted.at BETWEEN received_at - interval '1 minute' AND received_at + interval '1 minute'
        WHERE public_id = :request AND target = :request_text AND deed = 'submit')""",
    "since": "at >= :since",
    "until": "at < :until",
    "allowed": "allowed = :allowed",
    "before": "id < :before",
}
_ENTRIES = """
    SELECT at, by, deed, allowed, target, status, because, source, key_prefix, account, id FROM audit_entries
"""
_NEWEST_FIRST = "ORDER BY id DESC LIMIT :limit"


def newest(connection: Connection, limit: int) -> list[Written]:
    """The last entries, newest first."""
    return entries(connection, Wanted(), limit)
