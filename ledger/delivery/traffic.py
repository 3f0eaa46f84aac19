"""How a vendor is used now: its pace against its limits, what is in flight, and the classes of its last answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic_core import to_json
from sqlalchemy import Connection, text

SLOT_S = 5
"""Answers are counted for each so many seconds."""
PACE_S = 60
"""Over how long a pace is taken. Every limit is per minute."""
SHOWN_MINUTES = 15
"""How far back answers are shown; afterwards they are deleted."""


@dataclass(frozen=True)
class Limit:
    """One limit of a vendor, in units a minute (mostly a request each), and how much of it was used in the last
    minute."""

    bucket: str
    a_minute: float
    used: float

    @property
    def share(self) -> float:
        """The part of it that was used, from 0 to 1."""
        return min(self.used / self.a_minute, 1.0) if self.a_minute else 0.0


@dataclass(frozen=True)
class Answers:
    """How many answers of one class came lately (`2xx`, `429`, `no answer`), and when the last one did, to a few
    seconds."""

    answer: str
    answers: int
    last_at: datetime


@dataclass(frozen=True)
class Traffic:
    """How a vendor is used now."""

    limits: list[Limit] = field(default_factory=list)
    """The vendor's own first. Empty where no worker has announced any."""
    chunks: int = 0
    """How many groups of people workers have in their hands."""
    people: int = 0
    answers: list[Answers] = field(default_factory=list)
    """Those of the last minutes, the most frequent first."""


def describe_limits(connection: Connection, limits: Mapping[str, Mapping[str, float]]) -> None:
    """Record each vendor's limits, by bucket, in units a minute, as the present settings have them."""
    for name, by_bucket in sorted(limits.items()):
        connection.execute(_DESCRIBE, {"name": name, "limits": to_json(by_bucket).decode()})


_DESCRIBE = text("""
    UPDATE vendors SET limits = CAST(:limits AS jsonb)
    WHERE name = :name AND limits IS DISTINCT FROM CAST(:limits AS jsonb)
""")


def note_answers(connection: Connection, rows: Iterable[Mapping[str, object]]) -> None:
    """Add answers that came just now: rows of `vendor`, `bucket`, `answer`, `answers`, `units`."""
    if found := list(rows):
        connection.execute(_NOTE, found)


_NOTE = text(f"""
    INSERT INTO vendor_answers (vendor_id, at, bucket, answer, answers, units)
    SELECT id, date_bin('{SLOT_S} seconds', now(), 'epoch'), :bucket, :answer, :answers, :units
    FROM vendors WHERE name = :vendor
    ON CONFLICT (vendor_id, at, bucket, answer) DO UPDATE
        SET answers = vendor_answers.answers + excluded.answers, units = vendor_answers.units + excluded.units
""")


def drop_old(connection: Connection) -> int:
    """Delete counts that are no longer shown; returns how many."""
    return connection.execute(_DROP).rowcount


_SHOWN_FROM = f"now() - interval '{SHOWN_MINUTES} minutes'"
_DROP = text(f"DELETE FROM vendor_answers WHERE at < {_SHOWN_FROM}")


def traffic_of(connection: Connection) -> dict[str, Traffic]:
    """How every vendor is used now, by name."""
    used: dict[str, dict[str, float]] = {}
    for vendor, bucket, units in connection.execute(_USED):
        used.setdefault(vendor, {})[bucket] = units
    answers: dict[str, list[Answers]] = {}
    for vendor, *rest in connection.execute(_ANSWERS):
        answers.setdefault(vendor, []).append(Answers(*rest))
    found = {}
    for row in connection.execute(_VENDORS):
        its = used.get(row.name, {})
        limits = [
            Limit(bucket, a_minute, its.get(bucket, 0.0)) for bucket, a_minute in sorted((row.limits or {}).items())
        ]
        found[row.name] = Traffic(limits, row.chunks, row.people, answers.get(row.name, []))
    return found


# The first condition on the state is that of an index.
_VENDORS = text("""
    SELECT name, limits, COALESCE(out.chunks, 0) AS chunks, COALESCE(out.people, 0) AS people
    FROM vendors LEFT JOIN (
        SELECT vendor_id, count(*) AS chunks, sum(last_line - first_line + 1) AS people FROM chunks
        WHERE state IN ('queued', 'leased') AND CAST(state AS text) = 'leased' AND due_at > now()
        GROUP BY vendor_id) AS out ON out.vendor_id = vendors.id
    ORDER BY name
""")
_USED = text(f"""
    SELECT vendors.name, bucket, sum(units) FROM vendor_answers JOIN vendors ON vendors.id = vendor_id
    WHERE at > now() - interval '{PACE_S} seconds' GROUP BY 1, 2 ORDER BY 1, 2
""")
_ANSWERS = text(f"""
    SELECT vendors.name, answer, sum(answers), max(at) FROM vendor_answers JOIN vendors ON vendors.id = vendor_id
    WHERE at > {_SHOWN_FROM} GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2
""")
