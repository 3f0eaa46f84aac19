"""How each delivery to one person ended, and when: every round of it, found by request and line."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text


class Ending(NamedTuple):
    """How a delivery to a person at a vendor ended, in one round."""

    request_id: UUID
    line: int
    vendor: str
    outcome: str
    reason: str | None
    at: datetime


def endings_of(connection: Connection, places: Sequence[tuple[UUID, int]]) -> list[Ending]:
    """What has ended for the people on these lines of requests, oldest first. Few look-ups by key for each place."""
    requests, lines = [str(request) for request, _ in places], [line for _, line in places]
    found = connection.execute(_ENDINGS, {"requests": requests, "lines": lines})
    return [Ending(*row) for row in found]


_ENDINGS = text("""
    SELECT requests.public_id, place.line, vendors.name, CAST(ended.outcome AS text), ended.reason, ended.settled_at
    FROM unnest(CAST(:requests AS uuid[]), CAST(:lines AS integer[])) AS place (public_id, line)
    JOIN requests USING (public_id)
    JOIN vendors ON vendors.id = ANY(requests.vendor_ids)
    -- OFFSET 0: looked up one by one in the request's own volume
    CROSS JOIN LATERAL (
        SELECT outcome, reason, settled_at FROM outcomes
        WHERE outcomes.request_id = requests.id AND outcomes.vendor_id = vendors.id AND outcomes.line = place.line
            AND outcome <> 'pending'
        OFFSET 0) AS ended
    ORDER BY ended.settled_at, requests.id, place.line, vendors.name
""")
