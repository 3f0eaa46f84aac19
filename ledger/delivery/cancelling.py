"""Settles as cancelled what a cancelled request has not sent, and what is pending at a retired vendor."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from ledger.delivery import stop_again, successions
from ledger.delivery.pending import Span
from ledger.tallies import counting
from ledger.unsettled import NOTHING_OPEN


def has_begun(connection: Connection, request_id: int) -> bool:
    """Whether a worker has begun with a request. If not, none begins before the caller commits."""
    connection.execute(_LOCK_CHUNKS, {"request_id": request_id})
    # Check after the locks are taken: their last holder may have begun.
    return bool(connection.execute(_HAS_BEGUN, {"request_id": request_id}).scalar_one())


_LOCK_CHUNKS = text("""
    SELECT FROM chunks WHERE request_id = :request_id AND state <> 'closed' ORDER BY id FOR UPDATE
""")
_HAS_BEGUN = text("""
    SELECT EXISTS (SELECT FROM chunks WHERE request_id = :request_id AND state <> 'closed' AND starts > 0)
        OR EXISTS (SELECT FROM tallies WHERE request_id = :request_id)
""")


def cancel_rest(connection: Connection, request_id: int) -> int:
    """Settle as cancelled what a cancelled request, or any request at a retired vendor, has pending in chunks without a
    lease, and close those chunks; returns the number of deliveries settled. Sessions of these people are deleted,
    because nobody uses them any more.

    Earlier failed attempts are counted in the outcome. The reason is `vendor_retired` at a retired vendor; `lease_lost`
    where a worker vanished with the chunk, because such a delivery may have reached the vendor; and `pending_at_vendor`
    where the vendor has accepted it and not finished, because it will most likely be done. Running it twice is
    harmless, and other requests and vendors are not touched. Wishes that gave way to one of these deliveries become
    pending again, and so do withdrawals that an opt-in among them may have undone.
    """
    return sum(cancel_each(connection, [request_id]).values())


def cancel_each(connection: Connection, request_ids: Sequence[int]) -> dict[int, int]:
    """The same for several requests, in as many statements as for one; by vendor."""
    these = {"request_ids": list(request_ids)}
    connection.execute(_READ_BACK_NO_MORE, these)
    connection.execute(_WITHHOLD_NO_MORE, these)
    cancelled = connection.execute(_CANCEL_REST, these).one()
    if cancelled.requests:
        successions.follow_up_each(connection, cancelled.requests)
        stop_again.after_cancelling(connection, cancelled.requests, cancelled.taken_up or [])
    return {int(vendor_id): count for vendor_id, count in (cancelled.deliveries or {}).items()}


_THESE = "{0}.request_id = ANY(CAST(:request_ids AS bigint[]))"
_READ_BACK_NO_MORE = text("""
    UPDATE chunks SET state = 'closed', lease = NULL, holder = NULL
    FROM vendors
    WHERE request_id = ANY(CAST(:request_ids AS bigint[])) AND purpose = 'verify' AND state <> 'closed'
        AND (state <> 'leased' OR due_at <= now()) AND vendors.id = vendor_id AND retired_at IS NOT NULL
""")
_WITHHELD = "SELECT request_id, vendor_id, CAST('{0}' AS outcome), {1} FROM fresh"
_WITHHOLD_NO_MORE = text(f"""
    WITH gone AS MATERIALIZED (
        DELETE FROM withheld USING requests
        WHERE requests.id = withheld.request_id AND status = 'cancelled' AND {_THESE.format("withheld")}
        RETURNING withheld.request_id, vendor_id, line),
    fresh AS (
        INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome)
        SELECT request_id, vendor_id, line, latest.round + 1, latest.attempts, 'cancelled'
        FROM gone CROSS JOIN LATERAL (
            SELECT outcome, round, attempts FROM outcomes
            WHERE outcomes.request_id = gone.request_id AND outcomes.vendor_id = gone.vendor_id
                AND outcomes.line = gone.line AND {_THESE.format("outcomes")}
            ORDER BY round DESC LIMIT 1) AS latest
        WHERE latest.outcome = 'withheld'
        RETURNING request_id, vendor_id)
    {counting(f"{_WITHHELD.format('withheld', -1)} UNION ALL {_WITHHELD.format('cancelled', 1)}")}
""")
# One chunk's people at a time (OFFSET 0). Otherwise the planner joined all chunks with all people, and cancelling a
# campaign of a million deliveries had not ended after seven minutes. Every table gets the condition on requests, so
# that only their volumes are read.
_TAKEN = Span(
    request="taken.request_id",
    vendor="taken.vendor_id",
    round="taken.round",
    first="taken.first_line",
    last="taken.last_line",
    also="outcomes.request_id = ANY(CAST(:request_ids AS bigint[]))",
)
_CANCEL_REST = text(f"""
    WITH taken AS MATERIALIZED (
        SELECT chunks.id, request_id, vendor_id, round, first_line, last_line, setbacks, starts,
            state = 'leased' AS lost, requests.status <> 'cancelled' AS retired
        FROM chunks
        JOIN requests ON requests.id = chunks.request_id
        JOIN vendors ON vendors.id = vendor_id
        WHERE {_THESE.format("chunks")} AND (requests.status = 'cancelled' OR retired_at IS NOT NULL)
            AND purpose = 'deliver'
            AND state <> 'closed' AND (state <> 'leased' OR chunks.due_at <= now())
        ORDER BY chunks.id FOR UPDATE OF chunks),
    closed AS (
        UPDATE chunks SET state = 'closed', lease = NULL, holder = NULL, setbacks = '[]'
        FROM taken WHERE chunks.id = taken.id),
    fresh AS (
        INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome, reason)
        SELECT taken.request_id, taken.vendor_id, people.line, taken.round, COALESCE(people.attempts, 0), 'cancelled',
            CASE WHEN people.at_vendor THEN 'pending_at_vendor' WHEN taken.lost THEN 'lease_lost'
                WHEN taken.retired THEN 'vendor_retired' END
        FROM taken CROSS JOIN LATERAL (
            SELECT subjects.line, failed.attempts, failed.at_vendor
            FROM subjects
            LEFT JOIN (
                SELECT CAST(line AS integer) AS line, max(CAST(setback ->> 0 AS smallint)) AS attempts,
                    bool_or(jsonb_typeof(setback -> -1) = 'object') AS at_vendor -- a job (ledger/delivery/setbacks.py)
                FROM jsonb_array_elements(taken.setbacks) AS setback, jsonb_array_elements_text(setback -> 3) AS line
                GROUP BY 1) AS failed USING (line)
            WHERE subjects.request_id = taken.request_id AND {_THESE.format("subjects")}
                AND subjects.line BETWEEN taken.first_line AND taken.last_line
                AND {_TAKEN.without_outcome("subjects.line")}
                AND (taken.round = 1 OR {_TAKEN.awaiting("subjects.line", "'pending'")})
            OFFSET 0) AS people
        ON CONFLICT DO NOTHING -- a worker whose lease ran out may have just recorded the true end
        RETURNING request_id, vendor_id, line),
    forgotten AS (
        DELETE FROM sessions USING fresh
        WHERE sessions.request_id = fresh.request_id AND {_THESE.format("sessions")}
            AND sessions.vendor_id = fresh.vendor_id AND sessions.line = fresh.line),
    tallied AS (
        {counting("SELECT request_id, vendor_id, CAST('cancelled' AS outcome), 1 FROM fresh")})
    SELECT (
            SELECT jsonb_object_agg(vendor_id, deliveries)
            FROM (SELECT vendor_id, count(*) AS deliveries FROM fresh GROUP BY vendor_id) AS by_vendor) AS deliveries,
        (SELECT array_agg(DISTINCT request_id) FROM fresh) AS requests,
        (SELECT array_agg(id) FROM taken WHERE starts > 0 OR round > 1) AS taken_up
""")


def sweep(connection: Connection) -> int:
    """Do the same for every cancelled request that has something open, and note which have nothing left; and for at
    most MOST_SWEPT requests with something open at a retired vendor. Returns the number of deliveries settled."""
    unfinished = list(connection.execute(_UNFINISHED).scalars())
    at_retired = at_retired_vendors(connection, most=MOST_SWEPT)
    these = sorted({*unfinished, *at_retired})
    parts = (these[place : place + MOST_SWEPT] for place in range(0, len(these), MOST_SWEPT))
    cancelled = sum(sum(cancel_each(connection, part).values()) for part in parts)
    finish(connection, unfinished)
    return cancelled


def finish(connection: Connection, request_ids: Sequence[int]) -> None:
    """Note which of these cancelled requests have nothing left."""
    connection.execute(_FINISH, {"ids": list(request_ids)})


MOST_SWEPT = 200


def at_retired_vendors(connection: Connection, *, most: int) -> list[int]:
    """Requests with open chunks without a lease at a retired vendor, `most` at most, in order."""
    return list(connection.execute(_AT_RETIRED, {"most": most}).scalars())


# Uses the indexes of chunks to deliver and to read back. There are hardly ever any.
_OPEN_AT = """
    SELECT request_id FROM chunks
    WHERE vendor_id = vendors.id AND purpose = '{purpose}' AND state <> 'closed'
        AND (state <> 'leased' OR due_at <= now())
    LIMIT :most
"""
_AT_RETIRED = text(f"""
    SELECT DISTINCT request_id
    FROM vendors CROSS JOIN LATERAL (
        ({_OPEN_AT.format(purpose="deliver")}) UNION ALL ({_OPEN_AT.format(purpose="verify")})) AS open
    WHERE retired_at IS NOT NULL
    ORDER BY request_id LIMIT :most
""")


_UNFINISHED = text("SELECT id FROM requests WHERE status = 'cancelled' AND closed_at IS NULL ORDER BY id")
_FINISH = text(f"""
    UPDATE requests SET closed_at = now()
    WHERE status = 'cancelled' AND closed_at IS NULL AND id = ANY(CAST(:ids AS bigint[])) AND {NOTHING_OPEN}
""")
