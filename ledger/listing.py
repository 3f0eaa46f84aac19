"""Lists that are read page by page: requests, and the deliveries of one. A page costs what it holds, wherever it is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from ledger.reports import PENDING, Row


@dataclass(frozen=True)
class Wanted:
    """Which requests; what is None does not matter."""

    status: str | None = None
    kind: str | None = None
    received_from: datetime | None = None
    received_before: datetime | None = None
    submitted_by: str | None = None


class Place(NamedTuple):
    """Where a page of requests ends."""

    received_at: datetime
    id: int


class Listed(NamedTuple):
    """A request in a list."""

    place: Place
    request_id: UUID
    kind: str
    status: str
    subjects: int
    duplicates: int
    received_at: datetime
    due_at: datetime
    submitted_by: str


def requests_by_receipt(connection: Connection, wanted: Wanted, after: Place | None, limit: int) -> list[Listed]:
    """Requests, the newest first, beyond `after`."""
    values: dict[str, Any] = {name: value for name, value in vars(wanted).items() if value is not None}
    conditions = [_WHERE[name] for name in values]
    if after is not None:
        conditions.append("(received_at, id) < (:after_at, :after_id)")
        values |= {"after_at": after.received_at, "after_id": after.id}
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    statement = text(f"{_REQUESTS} {where} ORDER BY received_at DESC, id DESC LIMIT :limit")
    return [
        Listed(Place(row.received_at, row.id), *row[1:])
        for row in connection.execute(statement, {**values, "limit": limit})
    ]


# Put together from what is asked: one statement for all cases would be planned for the worst of them.
_WHERE: Mapping[str, str] = {
    "status": "status = CAST(:status AS request_status)",
    "kind": "kind = CAST(:kind AS kind)",
    "received_from": "received_at >= :received_from",
    "received_before": "received_at < :received_before",
    "submitted_by": "submitted_by = :submitted_by",
}
_REQUESTS = """
    SELECT id, public_id, CAST(kind AS text), CAST(status AS text), subjects, duplicates, received_at, due_at,
        submitted_by
    FROM requests
"""


class Numbers(NamedTuple):
    """A request and its vendors by name, as the ledger numbers them."""

    id: int
    submitted_by: str
    vendors: dict[str, int]


def numbers_of(connection: Connection, public_id: UUID) -> Numbers | None:
    """The numbers of a request; None where there is none."""
    row = connection.execute(_NUMBERS, {"public_id": public_id}).one_or_none()
    return Numbers(row.id, row.submitted_by, dict(row.vendors)) if row is not None else None


_NUMBERS = text("""
    SELECT requests.id, submitted_by,
        (SELECT jsonb_object_agg(name, vendors.id) FROM vendors WHERE vendors.id = ANY(vendor_ids)) AS vendors
    FROM requests WHERE public_id = :public_id
""")


def deliveries_page(
    connection: Connection, request: Numbers, *, outcome: str | None, after: tuple[str, int], limit: int
) -> list[Row]:
    """The deliveries of a request by vendor and line, beyond `after`; those with this outcome, or all."""
    found: list[Row] = []
    for vendor in _vendors_with(connection, request, outcome):
        if vendor >= after[0] and len(found) < limit:
            line = after[1] if vendor == after[0] else 0
            found += _of_vendor(connection, request, vendor, outcome=outcome, after=line, limit=limit - len(found))
    return found


def _vendors_with(connection: Connection, request: Numbers, outcome: str | None) -> Sequence[str]:
    """In order; without those that the tallies know to have no such outcome, as all of their lines would be read."""
    if outcome is None or outcome == PENDING:
        return sorted(request.vendors)
    ids = set(connection.execute(_TALLIED, {"id": request.id, "outcome": outcome}).scalars())
    return sorted(name for name, id_ in request.vendors.items() if id_ in ids)


_TALLIED = text("""
    SELECT vendor_id FROM tallies
    WHERE request_id = :id AND outcome = CAST(:outcome AS outcome) AND deliveries > 0
""")


def _of_vendor(
    connection: Connection, request: Numbers, vendor: str, *, outcome: str | None, after: int, limit: int
) -> Iterator[Row]:
    values = {"id": request.id, "vendor_id": request.vendors[vendor], "after": after, "limit": limit}
    statement = _LINES if outcome is None else _LINES_WITH
    for line, *rest in connection.execute(statement, values if outcome is None else {**values, "outcome": outcome}):
        yield Row(line, vendor, *rest)


_DELIVERIES = """
    SELECT people.line, COALESCE(CAST(latest.outcome AS text), 'pending'), latest.reason,
        COALESCE(latest.attempts, 0), CASE WHEN latest.outcome <> 'pending' THEN latest.settled_at END
    FROM subjects AS people
    LEFT JOIN LATERAL (
        SELECT outcome, reason, attempts, settled_at FROM outcomes
        WHERE request_id = :id AND vendor_id = :vendor_id AND line = people.line
        ORDER BY round DESC LIMIT 1) AS latest ON true
    WHERE people.request_id = :id AND people.line > :after
"""
_LINES = text(f"{_DELIVERIES} ORDER BY people.line LIMIT :limit")
_LINES_WITH = text(f"""
    {_DELIVERIES} AND COALESCE(CAST(latest.outcome AS text), 'pending') = :outcome ORDER BY people.line LIMIT :limit
""")
