"""What people ask of the ledger: how a request stands, and how each delivery ended."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from domain.outcomes import ATTENTION
from ledger.unsettled import COMPLETED_IN_ERROR, NEEDS_ATTENTION

PENDING = "pending"


class Status(NamedTuple):
    """How a request stands. `vendors`: name to outcome (or `pending`) to number of deliveries."""

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
    vendors: dict[str, dict[str, int]]
    dropped: bool = False
    """Past its retention: its people and deliveries are gone, these numbers are what is left."""

    def at_risk(self, days: float) -> bool:
        """Whether it is due in fewer days than this, or over, and something is pending or needs attention."""
        if self.dropped or self.status == "cancelled" or self.due_at - datetime.now(UTC) >= timedelta(days=days):
            return False
        open_ones = {PENDING, *ATTENTION}
        return any(counts.get(outcome, 0) for counts in self.vendors.values() for outcome in open_ones)


class Row(NamedTuple):
    """One delivery in an export; `line` is the person's 1-based position in what was submitted."""

    line: int
    vendor: str
    outcome: str
    reason: str | None
    attempts: int
    settled_at: datetime | None


def status_of(connection: Connection, public_id: UUID) -> Status | None:
    """How a request stands now, at the same cost for ten people and for a million; None where there is none."""
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
        vendors=vendors,
        dropped=row.dropped,
    )


_REQUEST = text("""
    SELECT id, public_id, kind, status, subjects, duplicates, regulation, received_at, asked_at, effective_at,
        not_before, due_at, due_reason, submitted_by, confirmed_by,
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
    for row in streaming.execute(_DELIVERIES, {"public_id": public_id}):
        yield Row(*row)


_DELIVERIES = text("""
    SELECT people.line, vendors.name, COALESCE(CAST(latest.outcome AS text), 'pending'),
        CASE WHEN latest.outcome <> 'pending' THEN latest.reason END,
        COALESCE(latest.attempts, 0), CASE WHEN latest.outcome <> 'pending' THEN latest.settled_at END
    FROM requests
    JOIN vendors ON vendors.id = ANY(requests.vendor_ids)
    JOIN subjects AS people ON people.request_id = requests.id
    LEFT JOIN LATERAL (
        SELECT outcome, reason, attempts, settled_at FROM outcomes
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
    """Requests due in fewer days than this, or over, in which something is pending or needs attention; the most
    pressing first."""
    return [AtRisk(*row) for row in connection.execute(_AT_RISK, {"days": days})]


_AT_RISK = text(f"""
    SELECT public_id, status, due_at, pending, attention
    FROM (
        SELECT * FROM requests WHERE status IN ('unconfirmed', 'running', 'completed_with_exceptions')
        UNION ALL SELECT * FROM requests WHERE {COMPLETED_IN_ERROR}) AS requests
    CROSS JOIN LATERAL (
        SELECT CAST(subjects AS bigint) * cardinality(vendor_ids) - COALESCE(sum(deliveries), 0) AS pending,
            COALESCE(sum(deliveries) FILTER (WHERE {NEEDS_ATTENTION}), 0) AS attention
        FROM tallies WHERE request_id = requests.id) AS counted
    WHERE due_at < now() + :days * interval '1 day' AND (pending > 0 OR attention > 0)
        AND data_key IS NOT NULL -- else its people are forgotten, and nothing can be done
    ORDER BY due_at, id
""")


class Involved(NamedTuple):
    """A request that a person is in, and how each vendor stands."""

    request_id: UUID
    kind: str
    status: str
    received_at: datetime
    line: int
    vendors: dict[str, str]


def requests_of(connection: Connection, prints: tuple[bytes | None, bytes | None, bytes | None]) -> list[Involved]:
    """The requests with anybody who has one of these fingerprints (of user_id, e-mail, phone number), oldest first."""
    user, email, phone = (a_print.hex() if a_print else None for a_print in prints)
    return [Involved(*row) for row in connection.execute(_INVOLVED, {"user": user, "email": email, "phone": phone})]


_INVOLVED = text("""
    SELECT requests.public_id, CAST(requests.kind AS text), CAST(requests.status AS text), requests.received_at,
        same.line, jsonb_object_agg(vendors.name, COALESCE(CAST(latest.outcome AS text), 'pending')) AS vendors
    FROM (
        SELECT request_id, line FROM subjects WHERE user_print = CAST(:user AS uuid)
        UNION
        SELECT request_id, line FROM subjects WHERE email_print = CAST(:email AS uuid)
        UNION
        SELECT request_id, line FROM subjects WHERE phone_print = CAST(:phone AS uuid)) AS same
    -- OFFSET 0: looked up one by one, not joined with all requests there are
    CROSS JOIN LATERAL (SELECT * FROM requests WHERE requests.id = same.request_id OFFSET 0) AS requests
    JOIN vendors ON vendors.id = ANY(requests.vendor_ids)
    LEFT JOIN LATERAL (
        SELECT outcome FROM outcomes
        WHERE outcomes.request_id = requests.id AND outcomes.vendor_id = vendors.id AND outcomes.line = same.line
        ORDER BY round DESC LIMIT 1) AS latest ON true
    GROUP BY requests.id, requests.public_id, requests.kind, requests.status, requests.received_at, same.line
    ORDER BY requests.id, same.line
""")
