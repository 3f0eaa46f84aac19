"""Outcomes in the ledger: appended in bulk, counted in the same statement, one for each delivery."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from domain.outcomes import Outcome, Reason
from ledger.chunks import Lease


class Settled(NamedTuple):
    """Deliveries that ended alike."""

    lines: Sequence[int]
    outcome: Outcome
    reason: Reason | None
    attempts: int


def append(connection: Connection, lease: Lease, settled: Sequence[Settled], *, used_sessions: bool) -> None:
    """Record how deliveries of a leased chunk ended. A delivery that already has an outcome keeps it.

    The caller holds the lease's row lock (`chunks.renew`), so that a worker whose lease was lost records nothing.
    `used_sessions`: delete the sessions of these people, which have done their work.
    """
    if not settled:
        return
    span = {"request_id": lease.request_id, "vendor_id": lease.vendor_id}
    lines = [line for group in settled for line in group.lines]
    connection.execute(
        _APPEND_FIRST if lease.round == 1 else _APPEND_AGAIN,
        {
            **span,
            "round": lease.round,
            "lines": lines,
            "outcomes": [value for group in settled for value in [group.outcome.value] * len(group.lines)],
            "reasons": [group.reason.value if group.reason else None for group in settled for _ in group.lines],
            "attempts": [group.attempts for group in settled for _ in group.lines],
        },
    )
    if used_sessions:
        connection.execute(_FORGET_SESSIONS, {**span, "lines": lines})


_INSERT = """
    WITH fresh AS (
        INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome, reason)
        SELECT :request_id, :vendor_id, line, :round, attempts, CAST(outcome AS outcome), reason
        FROM unnest(CAST(:lines AS integer[]), CAST(:outcomes AS text[]), CAST(:reasons AS text[]),
                    CAST(:attempts AS smallint[])) AS settled (line, outcome, reason, attempts)
        ON CONFLICT DO NOTHING
        RETURNING request_id, vendor_id, line, round, outcome)
"""
TALLY = """
    INSERT INTO tallies (request_id, vendor_id, outcome, deliveries)
    SELECT request_id, vendor_id, outcome, sum(change)
    FROM (
        SELECT request_id, vendor_id, outcome, 1 AS change FROM fresh
        UNION ALL
        SELECT fresh.request_id, fresh.vendor_id, before.outcome, -1
        FROM fresh JOIN outcomes AS before USING (request_id, vendor_id, line)
        WHERE before.round = fresh.round - 1) AS changes
    WHERE outcome <> 'pending'
    GROUP BY request_id, vendor_id, outcome ORDER BY request_id, vendor_id, outcome
    ON CONFLICT (request_id, vendor_id, outcome) DO UPDATE SET deliveries = tallies.deliveries + excluded.deliveries
"""
"""Keeps the tallies in step with `fresh`, the outcome rows that this statement has just inserted."""
_COUNT = """
    INSERT INTO tallies (request_id, vendor_id, outcome, deliveries)
    SELECT :request_id, :vendor_id, outcome, count(*) FROM fresh GROUP BY outcome ORDER BY outcome
    ON CONFLICT (request_id, vendor_id, outcome) DO UPDATE SET deliveries = tallies.deliveries + excluded.deliveries
"""
_APPEND_FIRST = text(_INSERT + _COUNT)  # nothing was before
_APPEND_AGAIN = text(_INSERT + TALLY)
_FORGET_SESSIONS = text("""
    DELETE FROM sessions
    WHERE request_id = :request_id AND vendor_id = :vendor_id AND line = ANY(CAST(:lines AS integer[]))
""")
