"""Which vendors are on: switched on by the first process with their credentials, off and retired only by a person."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from ledger.accounts import audit
from ledger.accounts.audit import HERE, Entry, Origin
from ledger.held import SERVED_WITHIN_S


class Left(NamedTuple):
    """A retired vendor; `before`: when it had been retired before."""

    id: int
    before: datetime | None


def switch_on(connection: Connection, name: str, by: str, origin: Origin = HERE) -> bool:
    """Send new requests to a vendor, also to a retired one. False where no vendor has this name."""
    return _switched(connection, _ON, _entry(by, "vendor on", name, origin))


def switch_off(connection: Connection, name: str, by: str, origin: Origin = HERE) -> bool:
    """Send nothing more to a vendor, and no new request that does not name it; what is pending waits. False where no
    vendor has this name."""
    return _switched(connection, _OFF, _entry(by, "vendor off", name, origin))


def retire(connection: Connection, name: str, by: str, because: str, origin: Origin = HERE) -> Left | None:
    """Retire a vendor: from now on `cancelling` settles what is pending there. None where no vendor has this name."""
    row = connection.execute(_RETIRE, {"name": name, "by": by}).one_or_none()
    if row is not None:
        audit.add(connection, [_entry(by, "vendor retire", name, origin, because)])
    return Left(row.id, row.before) if row is not None else None


def _switched(connection: Connection, statement: str, entry: Entry) -> bool:
    found = connection.execute(text(statement), {"name": entry.target, "by": entry.by}).rowcount == 1
    if found:
        audit.add(connection, [entry])
    return found


def _entry(by: str, deed: str, name: str, origin: Origin, because: str | None = None) -> Entry:
    return Entry(by, deed, allowed=True, target=name, because=because, **origin._asdict())


_ON = """
    UPDATE vendors SET enabled = true, off_by = NULL, retired_at = NULL WHERE name = :name
"""
_OFF = """
    UPDATE vendors SET enabled = false, off_by = :by WHERE name = :name
"""
_RETIRE = text("""
    UPDATE vendors SET enabled = false, off_by = :by, retired_at = COALESCE(retired_at, now()) WHERE name = :name
    RETURNING id, CASE WHEN retired_at < now() THEN retired_at END AS before
""")


def lacking(connection: Connection, served: Collection[str]) -> list[str]:
    """The vendors that are on and not among `served`, for which a process has credentials; by name."""
    return list(connection.execute(_LACKING, {"served": sorted(served)}).scalars())


_LACKING = text("SELECT name FROM vendors WHERE enabled AND name <> ALL(CAST(:served AS text[])) ORDER BY name")


def is_served(connection: Connection, name: str) -> bool:
    """Whether a process with this vendor's credentials has recently looked for its chunks."""
    return bool(connection.execute(_IS_SERVED, {"name": name, "within_s": SERVED_WITHIN_S}).scalar_one_or_none())


_IS_SERVED = text("""
    SELECT served_at > now() - make_interval(secs => :within_s) FROM vendors WHERE name = :name AND enabled
""")
