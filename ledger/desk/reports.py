"""Questions to the ledger: the status of a request, the outcome of each delivery, and what may be late."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from domain.file_lines import FileLines
from ledger.data_keys import has_key
from ledger.desk.status import Status, read_status
from ledger.session import asking
from ledger.unsettled import COMPLETED_IN_ERROR, waits


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
    return read_status(asking(connection), public_id)


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
        AND {has_key()} -- else its people are forgotten, and nothing can be done
    ORDER BY due_at, id
""")
