"""Questions to the ledger: the status of a request, and the outcome of each delivery."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from domain.file_lines import FileLines
from domain.outcomes import ATTENTION, Outcome
from ledger.unsettled import ACCEPT, COMPLETED_IN_ERROR, waits

PENDING = "pending"


class Status(NamedTuple):
    """The status of a request. `vendors`: name to outcome (or `pending`) to number of deliveries."""

    request_id: UUID
    kind: str
    status: str
    subjects: int
    duplicates: int
    regulation: str
    received_at: datetime
    asked_at: datetime
    effective_at: datetime
    not_before: datetime
    due_at: datetime
    due_reason: str | None
    submitted_by: str
    confirmed_by: str | None
    now: datetime
    """The time of this status, by PostgreSQL's clock."""
    vendors: dict[str, dict[str, int]]
    dropped: bool = False
    """Past its retention: its people and deliveries are deleted, and these numbers remain."""
    accepted_by: Mapping[str, str] = MappingProxyType({})
    """By vendor, who has accepted that people cannot be found there."""
    to_resolve: bool = False
    """Nothing of it is sent yet: the controller's directory must be asked about its people first."""
    closed_at: datetime | None = None
    resolved: Mapping[str, int] = MappingProxyType({})
    """The directory's answers, by `domain.directory.Finding`; empty where it was not asked."""
    not_found: Mapping[str, int] = MappingProxyType({})
    """By vendor, how many of its people cannot be found there with the identifiers given, whether it was tried or
    not."""
    forgotten: bool = False
    """Its people can no longer be read or found."""
    forgotten_at: datetime | None = None
    """None also where an earlier version did it."""

    @property
    def unreachable(self) -> dict[str, int]:
        """By vendor, how many deliveries ended as unreachable."""
        found = {vendor: counts.get(Outcome.UNREACHABLE, 0) for vendor, counts in self.vendors.items()}
        return {vendor: count for vendor, count in found.items() if count}

    @property
    def unaccepted(self) -> bool:
        """Whether somebody was unreachable, and nobody has accepted it."""
        return any(vendor not in self.accepted_by for vendor in self.unreachable)

    def attention(self, vendor: str) -> int:
        """How many deliveries to a vendor need attention."""
        waiting = ATTENTION - ({Outcome.UNREACHABLE} if vendor in self.accepted_by else set())
        return sum(self.vendors[vendor].get(outcome, 0) for outcome in waiting)

    def at_risk(self, days: float) -> bool:
        """Whether it is due in fewer days than this, or overdue, and something is pending or needs attention."""
        if self.dropped or self.status == "cancelled" or self.due_at - self.now >= timedelta(days=days):
            return False
        return any(counts[PENDING] or self.attention(vendor) for vendor, counts in self.vendors.items())


class Row(NamedTuple):
    """One delivery in an export; `line` is the person's 1-based position in what was submitted, and `file_line` the
    line of the file, if it was one."""

    line: int
    file_line: int | None
    vendor: str
    outcome: str
    reason: str | None
    attempts: int
    settled_at: datetime | None
    superseded_by: UUID | None = None
    """The request with the newer wish that this delivery gave way to."""


def successor(request: str, vendor: str, line: str, latest: str) -> str:
    """An expression: the public id of the request that a superseded delivery gave way to; `latest` is its last
    outcome."""
    return f"""
        CASE WHEN {latest}.outcome = 'superseded' THEN (
            SELECT newer.public_id
            FROM successions AS gave_way JOIN requests AS newer ON newer.id = gave_way.by_request
            WHERE gave_way.request_id = {request} AND gave_way.vendor_id = {vendor} AND gave_way.line = {line}
                AND gave_way.round = {latest}.round) END
    """


def status_of(connection: Connection, public_id: UUID) -> Status | None:
    """The status of a request now, at the same cost for ten people and for a million; None where there is none."""
    row = connection.execute(_REQUEST, {"public_id": public_id}).one_or_none()
    if row is None:
        return None
    vendors: dict[str, dict[str, int]] = {}
    for vendor, outcome, deliveries in connection.execute(_TALLIES, {"id": row.id}):
        counts = vendors.setdefault(vendor, {PENDING: row.subjects})
        if outcome is not None:
            counts[outcome] = deliveries
            counts[PENDING] -= deliveries
    return Status(
        request_id=row.public_id,
        kind=row.kind,
        status=row.status,
        subjects=row.subjects,
        duplicates=row.duplicates,
        regulation=row.regulation,
        received_at=row.received_at,
        asked_at=row.asked_at,
        effective_at=row.effective_at,
        not_before=row.not_before,
        due_at=row.due_at,
        due_reason=row.due_reason,
        submitted_by=row.submitted_by,
        confirmed_by=row.confirmed_by,
        now=row.now,
        vendors=vendors,
        dropped=row.dropped,
        closed_at=row.closed_at,
        not_found=row.unreachable or {},
        to_resolve=row.to_resolve,
        resolved=row.resolved or {},
        forgotten=row.forgotten,
        forgotten_at=row.forgotten_at,
        accepted_by=_accepted_by(connection, row.id) if any(_UNREACHABLE in its for its in vendors.values()) else {},
    )


_UNREACHABLE = Outcome.UNREACHABLE.value


def _accepted_by(connection: Connection, request_id: int) -> dict[str, str]:
    found = connection.execute(_ACCEPTED_BY, {"id": request_id})
    return {row.name: row.by for row in found}


_ACCEPTED_BY = text(f"""
    SELECT DISTINCT ON (vendors.name) vendors.name, notes.by
    FROM requests
    JOIN vendors ON vendors.id = ANY(requests.vendor_ids)
    JOIN notes ON notes.request_id = requests.id AND deed = '{ACCEPT}'
        AND (notes.vendor_id IS NULL OR notes.vendor_id = vendors.id)
    WHERE requests.id = :id
    ORDER BY vendors.name, notes.id
""")
_REQUEST = text("""
    SELECT id, public_id, kind, status, subjects, duplicates, regulation, received_at, asked_at, effective_at,
        not_before, due_at, due_reason, submitted_by, confirmed_by, unreachable, resolved, closed_at,
        data_key IS NULL AS forgotten, forgotten_at,
        now() AS now, to_resolve_from IS NOT NULL AND status IN ('unconfirmed', 'running') AS to_resolve,
        EXISTS (SELECT FROM volumes
                WHERE dropped_at IS NOT NULL AND requests.id >= first_request AND requests.id < past_request) AS dropped
    FROM requests WHERE public_id = :public_id
""")
_TALLIES = text("""
    SELECT vendors.name, tallies.outcome, tallies.deliveries
    FROM requests
    JOIN vendors ON vendors.id = ANY(requests.vendor_ids)
    LEFT JOIN tallies ON tallies.request_id = requests.id AND tallies.vendor_id = vendors.id AND deliveries > 0
    WHERE requests.id = :id
    ORDER BY vendors.name, tallies.outcome
""")


def deliveries_of(connection: Connection, public_id: UUID) -> Iterator[Row]:
    """Every delivery of a request by vendor and line, streamed in constant memory."""
    streaming: Any = connection.execution_options(yield_per=5_000)
    file_lines = FileLines.unpacked(connection.execute(_FILE_LINES, {"public_id": public_id}).scalar_one_or_none())
    for line, *rest in streaming.execute(_DELIVERIES, {"public_id": public_id}):
        yield Row(line, file_lines.of(line), *rest)


_FILE_LINES = text("SELECT file_lines FROM requests WHERE public_id = :public_id")


_DELIVERIES = text(f"""
    SELECT people.line, vendors.name, COALESCE(CAST(latest.outcome AS text), 'pending'),
        CASE WHEN latest.outcome <> 'pending' THEN latest.reason END,
        COALESCE(latest.attempts, 0), CASE WHEN latest.outcome <> 'pending' THEN latest.settled_at END,
        {successor("requests.id", "vendors.id", "people.line", "latest")}
    FROM requests
    JOIN vendors ON vendors.id = ANY(requests.vendor_ids)
    JOIN subjects AS people ON people.request_id = requests.id
    LEFT JOIN LATERAL (
        SELECT outcome, reason, attempts, settled_at, round FROM outcomes
        WHERE request_id = requests.id AND vendor_id = vendors.id AND line = people.line
        ORDER BY round DESC LIMIT 1) AS latest ON true
    WHERE requests.public_id = :public_id
    ORDER BY vendors.name, people.line
""")


class AtRisk(NamedTuple):
    """A request that may not be done when it is due."""

    request_id: UUID
    status: str
    due_at: datetime
    pending: int
    attention: int


def at_risk(connection: Connection, days: float) -> list[AtRisk]:
    """Requests due in fewer days than this, or overdue, in which something is pending or needs attention; most urgent
    first."""
    return [AtRisk(*row) for row in connection.execute(_AT_RISK, {"days": days})]


_AT_RISK = text(f"""
    SELECT public_id, status, due_at, pending, attention
    FROM (
        SELECT * FROM requests WHERE status IN ('unconfirmed', 'running', 'completed_with_exceptions')
        UNION ALL SELECT * FROM requests WHERE {COMPLETED_IN_ERROR}) AS requests
    CROSS JOIN LATERAL (
        SELECT CAST(subjects AS bigint) * cardinality(vendor_ids) - COALESCE(sum(deliveries), 0) AS pending,
            COALESCE(sum(deliveries) FILTER (WHERE {waits("tallies")}), 0) AS attention
        FROM tallies WHERE request_id = requests.id) AS counted
    WHERE due_at < now() + :days * interval '1 day' AND (pending > 0 OR attention > 0)
        AND data_key IS NOT NULL -- else its people are forgotten, and nothing can be done
    ORDER BY due_at, id
""")
