"""What people ask of the ledger: how a request stands, and how each delivery ended."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

PENDING = "pending"


class Status(NamedTuple):
    """How a request stands. `vendors`: name to outcome (or `pending`) to number of deliveries."""

    request_id: UUID
    kind: str
    status: str
    subjects: int
    duplicates: int
    received_at: datetime
    due_at: datetime
    vendors: dict[str, dict[str, int]]


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
        row.public_id, row.kind, row.status, row.subjects, row.duplicates, row.received_at, row.due_at, vendors
    )


_REQUEST = text("""
    SELECT id, public_id, kind, status, subjects, duplicates, received_at, due_at
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
    SELECT people.line, vendors.name, COALESCE(CAST(latest.outcome AS text), 'pending'), latest.reason,
        COALESCE(latest.attempts, 0), latest.settled_at
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
