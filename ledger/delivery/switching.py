"""Which vendors there are: on with the first process that has their credentials, off and retired by a person only."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from ledger.accounts import audit
from ledger.accounts.audit import HERE, Entry, Origin
from ledger.delivery.vendors import SERVED_WITHIN_S


class Left(NamedTuple):
    """A vendor that was left for good; `before`: when, where that had been done already."""

    id: int
    before: datetime | None


def switch_on(connection: Connection, name: str, by: str, origin: Origin = HERE) -> bool:
    """Have new requests go to a vendor, also one that was retired. False where there is no such vendor."""
    return _switched(connection, _ON, _entry(by, "vendor on", name, origin))


def switch_off(connection: Connection, name: str, by: str, origin: Origin = HERE) -> bool:
    """Have no new request go to a vendor that names none, and send nothing more there; what is pending waits. False
    where there is no such vendor."""
    return _switched(connection, _OFF, _entry(by, "vendor off", name, origin))


def retire(connection: Connection, name: str, by: str, because: str, origin: Origin = HERE) -> Left | None:
    """Leave a vendor for good: from now on `cancelling` ends what is pending there. None where there is no such
    vendor."""
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
    """The vendors that are on and not among `served`, which a process has the credentials of; by name."""
    return list(connection.execute(_LACKING, {"served": sorted(served)}).scalars())


_LACKING = text("SELECT name FROM vendors WHERE enabled AND name <> ALL(CAST(:served AS text[])) ORDER BY name")


def is_served(connection: Connection, name: str) -> bool:
    """Whether a process with this vendor's credentials has looked for its chunks lately."""
    return bool(connection.execute(_IS_SERVED, {"name": name, "within_s": SERVED_WITHIN_S}).scalar_one_or_none())


_IS_SERVED = text("""
    SELECT served_at > now() - make_interval(secs => :within_s) FROM vendors WHERE name = :name AND enabled
""")
