"""How the deliveries of a request ended, for an answer: counted at each vendor, or those of one person."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from domain.outcomes import Outcome
from ledger.data_keys import has_key
from ledger.desk import attention, reports, withheld
from ledger.desk.status import PENDING, Status
from ledger.unsettled import accepted

COUNTED_TO = 20_000
"""Deliveries of a request that are read one by one. Of a larger one the tallies tell how many ended how, without when,
and without the reasons of those that need nobody."""


class Ended(NamedTuple):
    """Deliveries at one vendor that ended alike, `pending` among them; `accepted`: unreachable, and somebody has
    accepted that."""

    vendor: str
    outcome: str
    reason: str | None
    people: int
    first_at: datetime | None
    last_at: datetime | None
    accepted: bool = False


class Closing(NamedTuple):
    """What the status of a request does not tell: its number in the ledger, since when it is closed, when it was due
    before it was put off, and whether its people can no longer be opened."""

    id: int
    closed_at: datetime | None
    extended_from: datetime | None
    forgotten: bool


def closing_of(connection: Connection, public_id: UUID) -> Closing | None:
    """The same for a request; None where there is none."""
    row = connection.execute(_CLOSING, {"public_id": public_id}).one_or_none()
    return Closing(*row) if row is not None else None


_CLOSING = text(
    f"SELECT id, closed_at, extended_from, NOT {has_key()} AS forgotten FROM requests WHERE public_id = :public_id"
)


def endings_of(connection: Connection, request_id: int, status: Status) -> list[Ended]:
    """How everybody's deliveries ended, by vendor: exactly up to COUNTED_TO of them, else as far as the tallies tell,
    so that it costs the same for a million."""
    if status.dropped or status.subjects * len(status.vendors) > COUNTED_TO:
        return _tallied(connection, request_id, status)
    return [Ended(*row) for row in connection.execute(_ENDED, {"id": request_id})]


def endings_of_person(connection: Connection, request_id: int, line: int) -> list[Ended]:
    """How the deliveries of the person on this line ended, by vendor; none where nobody is on it."""
    return [Ended(*row) for row in connection.execute(_OF_PERSON, {"id": request_id, "line": line})]


_LATEST_OF_LINE = f"""
    LEFT JOIN LATERAL (
        SELECT outcome, reason, settled_at FROM outcomes
        WHERE request_id = requests.id AND vendor_id = vendors.id AND line = people.line
        ORDER BY round DESC LIMIT 1) AS latest ON true
    CROSS JOIN LATERAL (
        SELECT COALESCE(CAST(latest.outcome AS text), '{PENDING}') AS outcome,
            CASE WHEN latest.outcome <> '{PENDING}' THEN latest.reason END AS reason,
            CASE WHEN latest.outcome <> '{PENDING}' THEN latest.settled_at END AS settled_at) AS ended
"""
_ACCEPTED = f"""
    ended.outcome = 'unreachable' AND {accepted("at_vendor")}
"""
_FROM = f"""
    FROM requests
    JOIN vendors ON vendors.id = ANY(requests.vendor_ids)
    JOIN subjects AS people ON people.request_id = requests.id
    {_LATEST_OF_LINE}
    CROSS JOIN LATERAL (SELECT requests.id AS request_id, vendors.id AS vendor_id) AS at_vendor
    WHERE requests.id = :id
"""
_ENDED = text(f"""
    SELECT vendor, outcome, reason, count(*), min(settled_at), max(settled_at), accepted
    FROM (SELECT vendors.name AS vendor, ended.*, {_ACCEPTED} AS accepted {_FROM}) AS each
    GROUP BY vendor, outcome, reason, accepted
    ORDER BY vendor, outcome, reason NULLS FIRST
""")
_OF_PERSON = text(f"""
    SELECT vendors.name, ended.outcome, ended.reason, 1, ended.settled_at, ended.settled_at, {_ACCEPTED}
    {_FROM} AND people.line = :line
    ORDER BY vendors.name
""")


def _tallied(connection: Connection, request_id: int, status: Status) -> list[Ended]:
    reasons: dict[tuple[str, str], list[tuple[str | None, int]]] = {}
    for group in [] if status.dropped else attention.groups(connection, request_id=request_id):
        reasons.setdefault((group.vendor, group.outcome), []).append((group.reason, group.deliveries))
    for held in [] if status.dropped else withheld.groups(connection, request_id=request_id):
        reasons.setdefault((held.vendor, Outcome.WITHHELD.value), []).append((held.reason, held.deliveries))
    found: list[Ended] = []
    for vendor, counts in status.vendors.items():
        for outcome, people in counts.items():
            told = reasons.get((vendor, outcome), [])
            rest = people - sum(count for _, count in told)
            found += [Ended(vendor, outcome, reason, count, None, None) for reason, count in told]
            if rest > 0:
                settled = outcome == "unreachable" and vendor in status.accepted_by
                found.append(Ended(vendor, outcome, None, rest, None, None, settled))
    return found


def status_and_closing(connection: Connection, public_id: UUID) -> tuple[Status, Closing] | None:
    """Both of a request; None where there is none."""
    status, closing = reports.status_of(connection, public_id), closing_of(connection, public_id)
    return (status, closing) if status is not None and closing is not None else None
