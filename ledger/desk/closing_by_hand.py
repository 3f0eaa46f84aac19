"""Settles by hand what waits for a person: as cancelled, in a new round, for many requests in one statement."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from domain.outcomes import Outcome, Reason
from ledger.desk.deeds import LockedRequest
from ledger.rounds import LATEST_OF_THESE, OF_THESE
from ledger.tallies import counting
from ledger.unsettled import NEEDS_ATTENTION, waits

MEANT_BY_CLOSE = f"""
    ({NEEDS_ATTENTION} AND outcome <> 'unreachable' AND (CAST(:reason AS text) IS NULL OR reason = :reason)
        OR outcome = 'withheld' AND reason = :reason)
"""
"""A condition on the last outcome of a delivery: it is settled by hand. What a legal hold withholds is, where the
hold's reason is named."""


def close_by_hand(
    connection: Connection,
    request: LockedRequest,
    vendor_id: int,
    reason: str | None,
    lines: Sequence[int] | None = None,
) -> int:
    """Settle what waits at a vendor, of these lines or of all, as cancelled, `closed_by_hand`; returns the number of
    deliveries. What waits for the reason `manual`, and is closed under it, was done: it is accepted, `done_by_hand`.

    The caller holds the request's lock (`deeds.lock_request`) and adds the note; `closing.judge_again` adjusts the
    request's status.
    """
    return sum(one.deliveries for one in close_all_by_hand(connection, [request.id], vendor_id, reason, lines))


class Closed(NamedTuple):
    """How many deliveries of a request were settled by hand at a vendor."""

    request_id: int
    vendor_id: int
    deliveries: int


def close_all_by_hand(
    connection: Connection,
    request_ids: Sequence[int],
    vendor_id: int | None,
    reason: str | None,
    lines: Sequence[int] | None = None,
) -> list[Closed]:
    """The same for several requests, at one vendor or at all."""
    values = {"request_ids": list(request_ids), "vendor_id": vendor_id, "reason": reason}
    values |= {"lines": None if lines is None else list(lines)}
    is_done = reason == Reason.MANUAL
    closing = _closing(MEANT_BY_CLOSE, Reason.DONE_BY_HAND if is_done else Reason.CLOSED_BY_HAND)
    return [Closed(*row) for row in connection.execute(closing, values)]


def close_at_retired(connection: Connection, request: LockedRequest, vendor_id: int) -> int:
    """The same for a retired vendor, as `vendor_retired`: also for people who could not be reached there, where nobody
    has accepted it, and for people whom a legal hold keeps."""
    values = {"request_ids": [request.id], "vendor_id": vendor_id, "lines": None}
    return sum(row[2] for row in connection.execute(_closing(_AT_RETIRED, Reason.VENDOR_RETIRED), values))


_AT_RETIRED = f"({waits('outcomes')} OR outcome = 'withheld')"


def _closing(which: str, why: Reason) -> Any:
    ends_as = Outcome.ACCEPTED if why is Reason.DONE_BY_HAND else Outcome.CANCELLED
    closed = f"""
        SELECT request_id, vendor_id, outcome, -1 FROM meant
        UNION ALL SELECT request_id, vendor_id, '{ends_as}', 1 FROM meant
    """
    return text(f"""
        WITH meant AS MATERIALIZED (
            SELECT request_id, vendor_id, line, round, attempts, outcome
            {OF_THESE} AND (CAST(:vendor_id AS smallint) IS NULL OR vendor_id = :vendor_id)
                AND (CAST(:lines AS integer[]) IS NULL OR line = ANY(CAST(:lines AS integer[])))
                AND {which} AND {LATEST_OF_THESE}),
        fresh AS (
            INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome, reason)
            SELECT request_id, vendor_id, line, round + 1, attempts, '{ends_as}', '{why}' FROM meant),
        not_withheld AS (
            DELETE FROM withheld USING meant
            WHERE withheld.request_id = meant.request_id AND withheld.vendor_id = meant.vendor_id
                AND withheld.line = meant.line),
        tallied AS (
            {counting(closed)})
        SELECT request_id, vendor_id, count(*) FROM meant GROUP BY request_id, vendor_id ORDER BY request_id, vendor_id
    """)
