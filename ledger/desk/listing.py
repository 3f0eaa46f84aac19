"""Lists that are read page by page: requests, and the deliveries of one. A page costs what it holds, wherever it is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, TextClause, text

from domain.file_lines import FileLines
from ledger.desk.reports import Row, successor
from ledger.desk.status import PENDING


@dataclass(frozen=True)
class Wanted:
    """Which requests; what is None does not matter."""

    status: str | None = None
    kind: str | None = None
    received_from: datetime | None = None
    received_before: datetime | None = None
    submitted_by: str | None = None
    due_from: datetime | None = None
    due_before: datetime | None = None
    unfinished: bool | None = None
    """Only those that are still to be done, or that wait for somebody."""
    reference: Sequence[str] | None = None
    """The fingerprints, by each key, of what its submitter calls it, in hexadecimal."""


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
    conditions, values = _asked(wanted)
    if after is not None:
        conditions.append("(received_at, id) < (:after_at, :after_id)")
        values |= {"after_at": after.received_at, "after_id": after.id}
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    statement = text(f"{_REQUESTS} {where} ORDER BY received_at DESC, id DESC LIMIT :limit")
    return [
        Listed(Place(row.received_at, row.id), *row[1:])
        for row in connection.execute(statement, {**values, "limit": limit})
    ]


def count_requests(connection: Connection, wanted: Wanted, most: int) -> int:
    """How many requests there are of these, as far as `most`: a list of millions is not counted to its end."""
    conditions, values = _asked(wanted)
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    counting = text(f"SELECT count(*) FROM (SELECT FROM requests {where} LIMIT :most) AS found")
    return int(connection.execute(counting, {**values, "most": most}).scalar_one())


def _asked(wanted: Wanted) -> tuple[list[str], dict[str, Any]]:
    values: dict[str, Any] = {name: value for name, value in vars(wanted).items() if value is not None}
    return [_WHERE[name] for name in values], values


# Put together from what is asked: one statement for all cases would be planned for the worst of them.
_WHERE: Mapping[str, str] = {
    "status": "status = CAST(:status AS request_status)",
    "kind": "kind = CAST(:kind AS kind)",
    "received_from": "received_at >= :received_from",
    "received_before": "received_at < :received_before",
    "submitted_by": "submitted_by = :submitted_by",
    "due_from": "due_at >= :due_from",
    "due_before": "due_at < :due_before",
    "reference": "id IN (SELECT request_id FROM request_references WHERE print = ANY(CAST(:reference AS uuid[])))",
    "unfinished": ":unfinished AND status IN ('unconfirmed', 'running', 'completed_with_exceptions')",
}
_REQUESTS = """
    SELECT id, public_id, CAST(kind AS text), CAST(status AS text), subjects, duplicates, received_at, due_at,
        submitted_by
    FROM requests
"""


class Numbers(NamedTuple):
    """A request and its vendors by name, as the ledger numbers them."""

    id: int
    kind: str
    submitted_by: str
    vendors: dict[str, int]
    file_lines: FileLines


def numbers_of(connection: Connection, public_id: UUID) -> Numbers | None:
    """The numbers of a request; None where there is none."""
    row = connection.execute(_NUMBERS, {"public_id": public_id}).one_or_none()
    if row is None:
        return None
    return Numbers(row.id, row.kind, row.submitted_by, dict(row.vendors), FileLines.unpacked(row.file_lines))


_NUMBERS = text("""
    SELECT requests.id, CAST(kind AS text), submitted_by,
        (SELECT jsonb_object_agg(name, vendors.id) FROM vendors WHERE vendors.id = ANY(vendor_ids)) AS vendors,
        file_lines
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
            rows = _of_vendor(connection, request, vendor, outcome=outcome, after=line, limit=limit - len(found))
            found += [row._replace(file_line=request.file_lines.of(row.line)) for row in rows]
    return found


def _vendors_with(connection: Connection, request: Numbers, outcome: str | None) -> Sequence[str]:
    """In order; without those that the tallies know to have no such outcome."""
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
) -> list[Row]:
    """Reads the lines that are asked for, and not all those between: five people refused in a million are found in
    the outcomes, and pending ones where chunks are open."""
    values = {"id": request.id, "vendor_id": request.vendors[vendor], "after": after, "limit": limit}
    if outcome == PENDING:
        return _pending(connection, vendor, values)
    if outcome is not None:
        return _rows(connection, vendor, _SETTLED, {**values, "outcome": outcome})
    return _rows(connection, vendor, _LINES, values)


def _rows(connection: Connection, vendor: str, statement: TextClause, values: Mapping[str, Any]) -> list[Row]:
    return [Row(line, None, vendor, *rest) for line, *rest in connection.execute(statement, values)]


def _pending(connection: Connection, vendor: str, values: Mapping[str, Any]) -> list[Row]:
    found: list[Row] = []
    for first, last in joined(connection.execute(_OPEN, values).all()):
        if len(found) == values["limit"]:
            break
        beyond = {"after": max(values["after"], first - 1), "last": last, "limit": values["limit"] - len(found)}
        found += _rows(connection, vendor, _PENDING, {**values, **beyond})
    return found


def joined(spans: Iterable[Sequence[int]]) -> Iterator[tuple[int, int]]:
    """The same lines in as few spans as can be; spans of first and last lines, by their first."""
    begun: tuple[int, int] | None = None
    for first, last in spans:
        if begun is not None and first <= begun[1] + 1:
            begun = (begun[0], max(begun[1], last))
            continue
        if begun is not None:
            yield begun
        begun = (first, last)
    if begun is not None:
        yield begun


_OPEN = text("""
    SELECT first_line, last_line FROM chunks
    WHERE request_id = :id AND vendor_id = :vendor_id AND purpose = 'deliver' AND state <> 'closed'
        AND last_line > :after
    ORDER BY first_line
""")
_DELIVERIES = f"""
    SELECT people.line, COALESCE(CAST(latest.outcome AS text), 'pending'),
        CASE WHEN latest.outcome <> 'pending' THEN latest.reason END,
        COALESCE(latest.attempts, 0), CASE WHEN latest.outcome <> 'pending' THEN latest.settled_at END,
        {successor(":id", ":vendor_id", "people.line", "latest")}
    FROM subjects AS people
    LEFT JOIN LATERAL (
        SELECT outcome, reason, attempts, settled_at, round FROM outcomes
        WHERE request_id = :id AND vendor_id = :vendor_id AND line = people.line
        ORDER BY round DESC LIMIT 1) AS latest ON true
    WHERE people.request_id = :id AND people.line > :after
"""
_LINES = text(f"{_DELIVERIES} ORDER BY people.line LIMIT :limit")
_PENDING = text(f"""
    {_DELIVERIES} AND people.line <= :last AND COALESCE(latest.outcome, 'pending') = 'pending'
    ORDER BY people.line LIMIT :limit
""")
_SETTLED = text(f"""
    SELECT line, CAST(outcome AS text), reason, attempts, settled_at,
        {successor(":id", ":vendor_id", "outcomes.line", "outcomes")}
    FROM outcomes
    WHERE request_id = :id AND vendor_id = :vendor_id AND line > :after AND outcome = CAST(:outcome AS outcome)
        AND NOT EXISTS (
            SELECT FROM outcomes AS later
            WHERE later.request_id = :id AND later.vendor_id = :vendor_id AND later.line = outcomes.line
                AND later.round > outcomes.round)
    ORDER BY line LIMIT :limit
""")
