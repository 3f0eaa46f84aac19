"""Settling as cancelled what a cancelled request has not sent."""

from sqlalchemy import Connection, text

from ledger import successions
from ledger.requests import NOTHING_OPEN


def has_begun(connection: Connection, request_id: int) -> bool:
    """Whether a worker has taken up any of a request. If none has, none does before the caller commits."""
    connection.execute(_LOCK_CHUNKS, {"request_id": request_id})
    # Asked after the locks are there: whoever held one may have begun.
    return bool(connection.execute(_HAS_BEGUN, {"request_id": request_id}).scalar_one())


_LOCK_CHUNKS = text("""
    SELECT FROM chunks WHERE request_id = :request_id AND state <> 'closed' ORDER BY id FOR UPDATE
""")
_HAS_BEGUN = text("""
    SELECT EXISTS (SELECT FROM chunks WHERE request_id = :request_id AND state <> 'closed' AND starts > 0)
        OR EXISTS (SELECT FROM tallies WHERE request_id = :request_id)
""")


def cancel_rest(connection: Connection, request_id: int) -> int:
    """Settle as cancelled what a cancelled request has pending in chunks that no worker holds (any more), and close
    those chunks; the number of deliveries settled. Sessions of these people are deleted: nobody uses them any more.

    Attempts that failed before are counted in the outcome; where a worker vanished with the chunk, the reason is
    `lease_lost`: such a delivery may have reached the vendor. Where the vendor has taken it and not finished, the
    reason is `pending_at_vendor`: it will most likely be done. Running twice is harmless; a request that is not
    cancelled is left alone. What gave way to one of them is pending again.
    """
    cancelled = int(connection.execute(_CANCEL_REST, {"request_id": request_id}).scalar_one())
    if cancelled:
        successions.follow_up(connection, request_id)
    return cancelled


# One chunk's people at a time (OFFSET 0): left to itself, the planner joined all chunks with all people, and cancelling
# a campaign of a million deliveries had not ended after seven minutes.
_CANCEL_REST = text("""
    WITH taken AS MATERIALIZED (
        SELECT chunks.id, vendor_id, round, first_line, last_line, setbacks, state = 'leased' AS lost
        FROM chunks JOIN requests ON requests.id = chunks.request_id
        WHERE chunks.request_id = :request_id AND requests.status = 'cancelled' AND purpose = 'deliver'
            AND state <> 'closed' AND (state <> 'leased' OR chunks.due_at <= now())
        ORDER BY chunks.id FOR UPDATE OF chunks),
    closed AS (
        UPDATE chunks SET state = 'closed', lease = NULL, holder = NULL, setbacks = '[]'
        FROM taken WHERE chunks.id = taken.id),
    fresh AS (
        INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome, reason)
        SELECT :request_id, taken.vendor_id, people.line, taken.round, COALESCE(people.attempts, 0), 'cancelled',
            CASE WHEN people.at_vendor THEN 'pending_at_vendor' WHEN taken.lost THEN 'lease_lost' END
        FROM taken CROSS JOIN LATERAL (
            SELECT subjects.line, failed.attempts, failed.at_vendor
            FROM subjects
            LEFT JOIN (
                SELECT CAST(line AS integer) AS line, max(CAST(setback ->> 0 AS smallint)) AS attempts,
                    bool_or(jsonb_typeof(setback -> -1) = 'object') AS at_vendor -- a job (ledger/setbacks.py)
                FROM jsonb_array_elements(taken.setbacks) AS setback, jsonb_array_elements_text(setback -> 3) AS line
                GROUP BY 1) AS failed USING (line)
            WHERE subjects.request_id = :request_id
                AND subjects.line BETWEEN taken.first_line AND taken.last_line
                AND NOT EXISTS (
                    SELECT FROM outcomes
                    WHERE outcomes.request_id = :request_id AND outcomes.vendor_id = taken.vendor_id
                        AND outcomes.line = subjects.line AND outcomes.round >= taken.round
                        AND outcomes.line BETWEEN taken.first_line AND taken.last_line)
                AND (taken.round = 1 OR EXISTS (
                    SELECT FROM outcomes
                    WHERE outcomes.request_id = :request_id AND outcomes.vendor_id = taken.vendor_id
                        AND outcomes.line = subjects.line AND outcomes.round = taken.round - 1
                        AND outcomes.outcome = 'pending'))
            OFFSET 0) AS people
        ON CONFLICT DO NOTHING -- a worker whose lease ran out may have just recorded the true end
        RETURNING vendor_id, line),
    forgotten AS (
        DELETE FROM sessions USING fresh
        WHERE sessions.request_id = :request_id AND sessions.vendor_id = fresh.vendor_id
            AND sessions.line = fresh.line),
    tallied AS (
        INSERT INTO tallies (request_id, vendor_id, outcome, deliveries)
        SELECT :request_id, vendor_id, 'cancelled', count(*) FROM fresh GROUP BY vendor_id ORDER BY vendor_id
        ON CONFLICT (request_id, vendor_id, outcome)
            DO UPDATE SET deliveries = tallies.deliveries + excluded.deliveries)
    SELECT count(*) FROM fresh
""")


def sweep(connection: Connection) -> int:
    """Do the same for every cancelled request that has something open, and note which of them have nothing left; the
    number of deliveries settled."""
    unfinished = list(connection.execute(_UNFINISHED).scalars())
    cancelled = sum(cancel_rest(connection, request_id) for request_id in unfinished)
    if unfinished:
        connection.execute(_FINISH, {"ids": unfinished})
    return cancelled


_UNFINISHED = text("SELECT id FROM requests WHERE status = 'cancelled' AND closed_at IS NULL ORDER BY id")
_FINISH = text(f"""
    UPDATE requests SET closed_at = now()
    WHERE status = 'cancelled' AND closed_at IS NULL AND id = ANY(CAST(:ids AS bigint[])) AND {NOTHING_OPEN}
""")
