"""After how many days people are forgotten and records dropped: values of the ledger, so that no program and no setting
changes them unseen."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import Connection, text

from domain.requests import Kind

RECORD = "record"
"""The name of the period after which records are dropped. The others are named after kinds of requests."""


class Periods(NamedTuple):
    """Days; None: never."""

    forget: Mapping[Kind, float | None]
    """By kind, from when nothing of a request waits for anybody until its people are forgotten."""
    record: float | None
    """From a request's end until all of it is dropped but its counts; and how old an entry of the audit log becomes."""

    def by_name(self) -> dict[str, float | None]:
        """The same, by the names of the table."""
        return {**{kind.value: self.forget[kind] for kind in Kind}, RECORD: self.record}


class Kept(NamedTuple):
    """One period as the ledger holds it. `as_before`: of a ledger that is older than these values, and no worker has
    written down yet what its setting was."""

    days: float | None
    as_before: bool
    set_at: datetime
    set_by: str


def kept(connection: Connection) -> dict[str, Kept]:
    """What the ledger holds, by name; a new one holds nothing until a worker has started."""
    return {name: Kept(*rest) for name, *rest in connection.execute(_KEPT)}


_KEPT = text("SELECT name, days, as_before, set_at, set_by FROM retention_periods")


def periods_of(connection: Connection, first: Periods) -> Periods:
    """The periods that hold. In a new ledger they are `first`. In one that is older than they are, `first.record` is
    written down for all of them, because that one period did both. For workers, who have always had that setting."""
    found = kept(connection)
    if len(found) < len(first.by_name()) or any(row.as_before for row in found.values()):
        given = first.by_name()
        connection.execute(_AS_BEFORE, {"days": first.record})
        connection.execute(_BEGIN, {"names": list(given), "days": list(given.values())})
        found = kept(connection)
    forget = {kind: found[kind.value].days for kind in Kind}
    return Periods(MappingProxyType(forget), found[RECORD].days)


_AS_BEFORE = text("""
    UPDATE retention_periods SET days = CAST(:days AS double precision), as_before = false WHERE as_before
""")
_BEGIN = text("""
    INSERT INTO retention_periods (name, days)
    SELECT * FROM unnest(CAST(:names AS text[]), CAST(:days AS double precision[])) ON CONFLICT DO NOTHING
""")


def set_days(connection: Connection, days: Mapping[str, float | None], by: str) -> None:
    """Change the periods of these names. A trigger logs it."""
    connection.execute(_SET, {"names": list(days), "days": list(days.values()), "by": by})


_SET = text("""
    INSERT INTO retention_periods (name, days, set_by)
    SELECT name, days, :by FROM unnest(CAST(:names AS text[]), CAST(:days AS double precision[])) AS given (name, days)
    ON CONFLICT (name) DO UPDATE SET days = excluded.days, set_by = :by, set_at = now(), as_before = false
""")
