"""Which delivery a superseded one gave way to, and what happens when that one does not succeed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from domain.outcomes import Outcome, Reason
from domain.requests import Kind
from domain.wish import state_of
from domain.wishes import Ref, Revival, revive
from ledger.data_keys import has_key, readable
from ledger.delivery.chunks import Lease
from ledger.rounds import reopen_outcomes
from ledger.tallies import counting

YES = (Outcome.ACCEPTED.value, Outcome.VERIFIED.value, Outcome.ABSENT.value)
"""Outcomes after which a delivery can be sent again."""


def keep(connection: Connection, lease: Lease, successors: Mapping[int, Ref]) -> None:
    """Record the successors of people of a leased chunk who have just been recorded as superseded, by line."""
    values = {
        **_where(lease),
        "round": lease.round,
        "lines": list(successors),
        "by_requests": [by.request for by in successors.values()],
        "by_lines": [by.line for by in successors.values()],
    }
    connection.execute(_KEEP, values)
    # One may have failed in the meantime.
    _follow_up(connection, values["by_requests"], lease.vendor_id, values["by_lines"])


def _where(lease: Lease) -> dict[str, Any]:
    return {"request_id": lease.request_id, "vendor_id": lease.vendor_id}


_KEEP = text("""
    INSERT INTO successions (request_id, vendor_id, line, round, by_request, by_line)
    SELECT :request_id, :vendor_id, line, :round, by_request, by_line
    FROM unnest(CAST(:lines AS integer[]), CAST(:by_requests AS bigint[]), CAST(:by_lines AS integer[]))
        AS gave_way (line, by_request, by_line)
    WHERE EXISTS (
        SELECT FROM outcomes
        WHERE request_id = :request_id AND vendor_id = :vendor_id AND outcomes.line = gave_way.line
            AND outcomes.round = :round AND outcome = 'superseded')
    ON CONFLICT DO NOTHING
""")


def follow_up(
    connection: Connection, by_request: int, vendor_id: int | None = None, lines: Sequence[int] | None = None
) -> int:
    """Compare again what gave way to a request, at one vendor and for some of its people or for all. Where a successor
    was cancelled or ended without the vendor's yes, the delivery becomes pending again, its request runs again, and
    receivers are notified; or a person has to look. Returns the number of deliveries concerned."""
    return _follow_up(connection, [by_request], vendor_id, lines)


def follow_up_each(connection: Connection, by_requests: Sequence[int], vendor_id: int | None = None) -> int:
    """The same for several requests."""
    return _follow_up(connection, by_requests, vendor_id, None)


def follow_up_all(connection: Connection, by_requests: Sequence[int]) -> int:
    """The same for several requests that have just been closed. The sessions of deliveries that gave way to the
    vendor's yes are deleted."""
    if not by_requests:
        return 0
    connection.execute(_FORGET_SESSIONS, {"by_requests": list(by_requests)})
    return _follow_up(connection, by_requests, None, None)


def _follow_up(
    connection: Connection, by_requests: Sequence[int], vendor_id: int | None, lines: Sequence[int] | None
) -> int:
    values = {"by_requests": sorted(set(by_requests)), "vendor_id": vendor_id, "lines": lines}
    found: dict[tuple[Revival, int, int], list[int]] = {}
    for row in connection.execute(_WITHOUT_YES, values):
        becomes = revive(
            Kind(row.kind),
            state_of(Kind(row.by_kind), Outcome(row.outcome), row.reason),
            effective_at=row.effective_at,
            received_at=row.received_at,
            now=row.now,
            forgotten=row.forgotten,
        )
        if becomes is not Revival.NONE:
            found.setdefault((becomes, row.request_id, row.vendor_id), []).append(row.line)
    if not found:  # usually
        return 0
    open_ones = set(connection.execute(_LOCK, {"ids": sorted({request_id for _, request_id, _ in found})}).scalars())
    total = 0
    for (becomes, request_id, at_vendor), those in sorted(found.items()):
        if request_id in open_ones:
            again = becomes is Revival.AGAIN
            total += (_again if again else _ask)(connection, request_id, at_vendor, those)
    return total


_WITHOUT_YES = text(f"""
    SELECT gave_way.request_id, gave_way.vendor_id, gave_way.line, CAST(older.kind AS text) AS kind,
        older.effective_at, older.received_at, NOT {readable("gave_way")} AS forgotten, now() AS now,
        CAST(newer.kind AS text) AS by_kind, CAST(latest.outcome AS text) AS outcome, latest.reason
    FROM successions AS gave_way
    JOIN requests AS older ON older.id = gave_way.request_id
    JOIN requests AS newer ON newer.id = gave_way.by_request
    CROSS JOIN LATERAL (
        SELECT outcome, reason FROM outcomes
        WHERE request_id = gave_way.by_request AND vendor_id = gave_way.vendor_id AND line = gave_way.by_line
        ORDER BY round DESC LIMIT 1) AS latest
    WHERE gave_way.by_request = ANY(CAST(:by_requests AS bigint[]))
        AND (CAST(:vendor_id AS smallint) IS NULL OR gave_way.vendor_id = :vendor_id)
        AND (CAST(:lines AS integer[]) IS NULL OR gave_way.by_line = ANY(CAST(:lines AS integer[])))
        AND latest.outcome NOT IN ('pending', 'accepted', 'verified', 'superseded')
        AND NOT EXISTS (
            SELECT FROM outcomes AS later
            WHERE later.request_id = gave_way.request_id AND later.vendor_id = gave_way.vendor_id
                AND later.line = gave_way.line AND later.round > gave_way.round)
    ORDER BY 1, 2, 3
""")
_FORGET_SESSIONS = text("""
    DELETE FROM sessions USING successions AS gave_way
    WHERE gave_way.by_request = ANY(CAST(:by_requests AS bigint[]))
        AND sessions.request_id = gave_way.request_id AND sessions.vendor_id = gave_way.vendor_id
        AND sessions.line = gave_way.line
        AND (SELECT outcome FROM outcomes
             WHERE request_id = gave_way.by_request AND vendor_id = gave_way.vendor_id AND line = gave_way.by_line
             ORDER BY round DESC LIMIT 1) IN ('accepted', 'verified', 'absent')
""")
_LOCK = text("""
    SELECT id FROM requests
    WHERE id = ANY(CAST(:ids AS bigint[])) AND status IN ('running', 'completed', 'completed_with_exceptions')
    ORDER BY id FOR NO KEY UPDATE
""")


def _again(connection: Connection, request_id: int, vendor_id: int, lines: Sequence[int]) -> int:
    return reopen_outcomes(connection, request_id, vendor_id, lines, (Outcome.SUPERSEDED.value,))


def _ask(connection: Connection, request_id: int, vendor_id: int, lines: Sequence[int]) -> int:
    values = {
        "request_id": request_id,
        "vendor_id": vendor_id,
        "lines": list(lines),
        "reason": Reason.SUCCESSOR_GONE.value,
    }
    asked = connection.execute(_ASK, values).scalar_one()
    connection.execute(_FLAG, values)
    return int(asked)


_ASKED = """
    SELECT CAST(:request_id AS bigint), CAST(:vendor_id AS smallint), change.*
    FROM meant CROSS JOIN (VALUES (CAST('superseded' AS outcome), -1), ('needs_action', 1)) AS change (outcome, sign)
"""
_ASK = text(f"""
    WITH meant AS MATERIALIZED (
        SELECT line, round, attempts FROM outcomes
        WHERE request_id = :request_id AND vendor_id = :vendor_id AND line = ANY(CAST(:lines AS integer[]))
            AND outcome = 'superseded' AND NOT EXISTS (
                SELECT FROM outcomes AS later
                WHERE later.request_id = :request_id AND later.vendor_id = :vendor_id AND later.line = outcomes.line
                    AND later.round > outcomes.round)),
    fresh AS (
        INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome, reason)
        SELECT :request_id, :vendor_id, line, round + 1, attempts, 'needs_action', :reason FROM meant),
    tallied AS (
        {counting(_ASKED)})
    SELECT count(*) FROM meant
""")
_FLAG = text("UPDATE requests SET status = 'completed_with_exceptions' WHERE id = :request_id AND status = 'completed'")


def repeat(connection: Connection, vendor_id: int, refs: Iterable[Ref]) -> int:
    """Send deliveries again that the vendor has said yes to, in a new round; returns how many. Those whose request was
    cancelled or whose people are forgotten are not touched."""
    lines: dict[int, list[int]] = {}
    for ref in refs:
        lines.setdefault(ref.request, []).append(ref.line)
    if not lines:
        return 0
    ids = {"ids": sorted(lines), "vendor_id": vendor_id}
    # A read-back may be recording the same round at this moment. It locks in the same order.
    connection.execute(_LOCK_CHUNKS, ids)
    open_ones = set(connection.execute(_LOCK_KNOWN, ids).scalars())
    total = 0
    for request_id in sorted(open_ones):
        total += reopen_outcomes(connection, request_id, vendor_id, sorted(set(lines[request_id])), YES)
    return total


_LOCK_KNOWN = text(f"""
    SELECT id FROM requests
    WHERE id = ANY(CAST(:ids AS bigint[])) AND {has_key()}
        AND status IN ('running', 'completed', 'completed_with_exceptions')
    ORDER BY id FOR NO KEY UPDATE
""")
_LOCK_CHUNKS = text("""
    SELECT FROM chunks
    WHERE request_id = ANY(CAST(:ids AS bigint[])) AND vendor_id = :vendor_id AND purpose = 'verify'
        AND state = 'leased'
    ORDER BY id FOR UPDATE
""")
