"""What needs a person: found, delivered again in a new round, or closed by hand, millions in a few statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from domain.outcomes import LIFTED_BY_RETRY, NAMED_ONLY, Outcome, Reason
from ledger.notes import Standing
from ledger.unsettled import NEEDS_ATTENTION, waits

MENDED_BY_A_SESSION = (Reason.IDENTITY_MISMATCH.value, Reason.IDENTITY_UNKNOWN.value)
"""Why a delivery may have been refused that another session of the right person can still get through."""


class Group(NamedTuple):
    """Deliveries that need a person for the same cause."""

    vendor: str
    outcome: str
    reason: str | None
    deliveries: int
    requests: int
    oldest_due_at: datetime


def groups(
    connection: Connection,
    *,
    request_id: int | None = None,
    vendor_id: int | None = None,
    reason: str | None = None,
) -> list[Group]:
    """What needs a person, in all requests but cancelled ones, or in one; the most pressing first.

    Costs what needs attention or once did, however large the rest of the ledger is.
    """
    values = {"request_id": request_id, "vendor_id": vendor_id, "reason": reason}
    return [Group(*row) for row in connection.execute(_GROUPS, values)]


LATEST = """
    NOT EXISTS (
        SELECT FROM outcomes AS later
        WHERE later.request_id = outcomes.request_id AND later.vendor_id = outcomes.vendor_id
            AND later.line = outcomes.line AND later.round > outcomes.round)
"""
"""A condition on `outcomes`: it is how the delivery stands."""
_GROUPS = text(f"""
    SELECT vendors.name, CAST(outcome AS text), reason, count(*), count(DISTINCT outcomes.request_id), min(due_at)
    FROM outcomes
    JOIN requests ON requests.id = outcomes.request_id
    JOIN vendors ON vendors.id = outcomes.vendor_id
    WHERE {waits("outcomes")} AND requests.status <> 'cancelled'
        AND (CAST(:request_id AS bigint) IS NULL OR outcomes.request_id = :request_id)
        AND (CAST(:vendor_id AS smallint) IS NULL OR outcomes.vendor_id = :vendor_id)
        AND (CAST(:reason AS text) IS NULL OR reason = :reason)
        AND {LATEST}
    GROUP BY vendors.name, outcome, reason
    ORDER BY min(due_at), vendors.name, outcome, reason
""")


@dataclass(frozen=True)
class Selection:
    """Which waiting deliveries of a request a person means."""

    vendor_id: int | None = None
    reason: str | None = None
    """Refused ones are only meant where their reason is named: the vendor has said it will never take them so."""
    session_vendor_ids: Sequence[int] = ()
    """Vendors that serve a person by a session of their own: without one on record a retry cannot succeed."""


class Reopened(NamedTuple):
    """How many deliveries go out again, by vendor, and how many of those meant cannot without a fresh session, or
    without an identifier by which the vendor knows the person."""

    deliveries: dict[str, int]
    without_session: int
    unreachable: int


_MEANT = f"""
    FROM outcomes
    WHERE request_id = :request_id AND {NEEDS_ATTENTION}
        AND (CAST(:vendor_id AS smallint) IS NULL OR vendor_id = :vendor_id)
        AND outcome <> 'unreachable'
        AND CASE WHEN CAST(:reason AS text) IS NULL
            THEN outcome <> 'refused' AND COALESCE(reason <> ALL(CAST(:named_only AS text[])), true)
            ELSE reason = :reason END
        AND {LATEST}
"""
_SUPERSEDED = f"""
    FROM outcomes
    WHERE request_id = :request_id AND outcome = 'superseded'
        AND (CAST(:vendor_id AS smallint) IS NULL OR vendor_id = :vendor_id)
        AND {LATEST}
"""
_HAS_SESSION = """
    (vendor_id <> ALL(CAST(:session_vendor_ids AS smallint[])) OR EXISTS (
        SELECT FROM sessions
        WHERE sessions.request_id = :request_id AND sessions.vendor_id = outcomes.vendor_id
            AND sessions.line = outcomes.line))
"""
_OF_LINES = f"""
    FROM outcomes
    WHERE request_id = :request_id AND vendor_id = :vendor_id AND line = ANY(CAST(:lines AS integer[]))
        AND {NEEDS_ATTENTION} AND {LATEST}
"""
_OF_OUTCOMES = f"""
    FROM outcomes
    WHERE request_id = :request_id AND vendor_id = :vendor_id AND line = ANY(CAST(:lines AS integer[]))
        AND CAST(outcome AS text) = ANY(CAST(:outcomes AS text[])) AND {LATEST}
"""


def reopen(connection: Connection, request: Standing, meant: Selection) -> Reopened:
    """Have waiting deliveries sent again, in a new round with attempts counted anew; the caller holds the request's
    lock (`notes.lock_request`) and adds the note."""
    values = {
        "request_id": request.id,
        "vendor_id": meant.vendor_id,
        "reason": meant.reason,
        "session_vendor_ids": list(meant.session_vendor_ids),
        "named_only": list(NAMED_ONLY),
        "lifted": meant.reason if meant.reason in LIFTED_BY_RETRY else None,
    }
    # What gave way to a newer wish is compared with it again, and may give way again.
    which = _SUPERSEDED if meant.reason == Outcome.SUPERSEDED else _MEANT
    without = connection.execute(text(f"SELECT count(*) {which} AND NOT {_HAS_SESSION}"), values).scalar_one()
    unreachable = connection.execute(_COUNT_UNREACHABLE, values).scalar_one()
    return Reopened(_reopen(connection, request, f"{which} AND {_HAS_SESSION}", values), without, unreachable)


_COUNT_UNREACHABLE = text(f"""
    SELECT count(*) FROM outcomes
    WHERE request_id = :request_id AND outcome = 'unreachable' AND {waits("outcomes")}
        AND (CAST(:vendor_id AS smallint) IS NULL OR vendor_id = :vendor_id)
        AND COALESCE(reason = CAST(:reason AS text), true) AND {LATEST}
""")


def reopen_lines(connection: Connection, request: Standing, vendor_id: int, lines: Sequence[int]) -> dict[str, int]:
    """The same for these people at one vendor, whatever they wait for."""
    values = {"request_id": request.id, "vendor_id": vendor_id, "lines": list(lines), "lifted": None}
    return _reopen(connection, request, _OF_LINES, values)


def reopen_outcomes(
    connection: Connection, request_id: int, vendor_id: int, lines: Sequence[int], outcomes: Sequence[str]
) -> int:
    """The same for these people at one vendor whose delivery ended as one of `outcomes`; how many go out again. The
    caller holds the request's lock."""
    values = {
        "request_id": request_id,
        "vendor_id": vendor_id,
        "lines": list(lines),
        "outcomes": list(outcomes),
        "lifted": None,
    }
    return sum(_open_round(connection, request_id, _OF_OUTCOMES, values).values())


def _reopen(connection: Connection, request: Standing, which: str, values: dict[str, Any]) -> dict[str, int]:
    names = {id_: name for name, id_ in request.vendors.items()}
    opened = _open_round(connection, request.id, which, values)
    return {names[vendor_id]: count for vendor_id, count in opened.items()}


def _open_round(connection: Connection, request_id: int, which: str, values: dict[str, Any]) -> dict[int, int]:
    deliveries: dict[int, int] = {}
    for vendor_id, round_, count in connection.execute(_append_pending(which), values).all():
        connection.execute(_OPEN_CHUNKS, {"request_id": request_id, "vendor_id": vendor_id, "round": round_})
        deliveries[vendor_id] = deliveries.get(vendor_id, 0) + count
    if deliveries:
        connection.execute(_RUN_AGAIN, {"id": request_id})
    return deliveries


def _append_pending(which: str) -> Any:
    # A chunk still open from an earlier retry must not meet one of the same round: both would send to the same people.
    # So a new round lies above any that is open, and rounds between are filled, for a delivery's rounds have no holes.
    # `lifted`: for which reason to ask someone a person has said to go on; it is kept with the round.
    return text(f"""
        WITH meant AS MATERIALIZED (SELECT vendor_id, line, round, outcome {which}),
        open AS MATERIALIZED (
            SELECT vendor_id, max(round) AS round FROM chunks
            WHERE request_id = :request_id AND purpose = 'deliver' AND state <> 'closed' AND round > 1
            GROUP BY vendor_id),
        placed AS MATERIALIZED (
            SELECT meant.vendor_id, line, meant.round AS last, outcome,
                GREATEST(meant.round + 1, open.round) AS round
            FROM meant LEFT JOIN open USING (vendor_id)),
        fresh AS (
            INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome, reason)
            SELECT :request_id, vendor_id, line, filled, 0, 'pending', CAST(:lifted AS text)
            FROM placed CROSS JOIN LATERAL generate_series(last + 1, placed.round) AS filled),
        tallied AS (
            INSERT INTO tallies (request_id, vendor_id, outcome, deliveries)
            SELECT :request_id, vendor_id, outcome, -count(*) FROM placed
            GROUP BY vendor_id, outcome ORDER BY vendor_id, outcome
            ON CONFLICT (request_id, vendor_id, outcome)
                DO UPDATE SET deliveries = tallies.deliveries + excluded.deliveries)
        SELECT vendor_id, round, count(*) FROM placed GROUP BY vendor_id, round ORDER BY vendor_id, round
    """)


# LIMIT and max keep the planner from joining all lines with all lines: it looks up one span, and one line, at a time.
_OPEN_CHUNKS = text("""
    INSERT INTO chunks (request_id, vendor_id, first_line, last_line, round)
    SELECT request_id, vendor_id, first_line, last_line, :round + 1
    FROM chunks
    WHERE request_id = :request_id AND vendor_id = :vendor_id AND round = 1 AND purpose = 'deliver' AND (
        SELECT true FROM outcomes
        WHERE outcomes.request_id = :request_id AND outcomes.vendor_id = :vendor_id AND outcomes.round = :round
            AND outcomes.line BETWEEN first_line AND last_line AND outcomes.outcome = 'pending'
            AND :round = (
                SELECT max(later.round) FROM outcomes AS later
                WHERE later.request_id = :request_id AND later.vendor_id = :vendor_id AND later.line = outcomes.line)
        ORDER BY outcomes.line LIMIT 1)
    ORDER BY first_line
""")
_RUN_AGAIN = text("UPDATE requests SET status = 'running', closed_at = NULL WHERE id = :id")


def close_by_hand(connection: Connection, request: Standing, vendor_id: int, reason: str | None) -> int:
    """Settle what waits at a vendor as cancelled, `closed_by_hand`; the number of deliveries. As with `reopen`, the
    caller holds the lock and adds the note; `requests.judge_again` lets the request's status follow."""
    values = {"request_id": request.id, "vendor_id": vendor_id, "reason": reason}
    return int(connection.execute(_closing("outcome <> 'unreachable'", Reason.CLOSED_BY_HAND), values).scalar_one())


def close_at_retired(connection: Connection, request: Standing, vendor_id: int) -> int:
    """The same for a vendor that was left for good, as `vendor_retired`: also of those who could not be reached there,
    where nobody has accepted it."""
    values = {"request_id": request.id, "vendor_id": vendor_id, "reason": None}
    return int(connection.execute(_closing(waits("outcomes"), Reason.VENDOR_RETIRED), values).scalar_one())


def requests_waiting(connection: Connection, vendor_id: int, most: int) -> list[UUID]:
    """Requests, `most` at most and the oldest first, with deliveries at this vendor that need a person."""
    return list(connection.execute(_WAITING, {"vendor_id": vendor_id, "most": most}).scalars())


_WAITING = text(f"""
    SELECT DISTINCT requests.public_id, requests.id
    FROM outcomes JOIN requests ON requests.id = outcomes.request_id
    WHERE vendor_id = :vendor_id AND {waits("outcomes")} AND requests.status <> 'cancelled' AND {LATEST}
    ORDER BY requests.id LIMIT :most
""")


def _closing(which: str, why: Reason) -> Any:
    return text(f"""
        WITH meant AS MATERIALIZED (
            SELECT line, round, attempts, outcome
            FROM outcomes
            WHERE request_id = :request_id AND vendor_id = :vendor_id
                AND {NEEDS_ATTENTION} AND {which}
                AND (CAST(:reason AS text) IS NULL OR reason = :reason) AND {LATEST}),
        fresh AS (
            INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome, reason)
            SELECT :request_id, :vendor_id, line, round + 1, attempts, 'cancelled', '{why}' FROM meant),
        tallied AS (
            INSERT INTO tallies (request_id, vendor_id, outcome, deliveries)
            SELECT :request_id, :vendor_id, changes.outcome, changes.deliveries
            FROM (SELECT outcome, -count(*) FROM meant GROUP BY outcome
                  UNION ALL
                  SELECT 'cancelled', count(*) FROM meant HAVING count(*) > 0) AS changes (outcome, deliveries)
            ORDER BY changes.outcome
            ON CONFLICT (request_id, vendor_id, outcome)
                DO UPDATE SET deliveries = tallies.deliveries + excluded.deliveries)
        SELECT count(*) FROM meant
    """)


def unreachable(connection: Connection, request: Standing, vendor_id: int | None) -> int:
    """How many deliveries of a request ended as unreachable and nobody has accepted it; at one vendor, or at all."""
    values = {"request_id": request.id, "vendor_id": vendor_id}
    return int(connection.execute(_UNACCEPTED, values).scalar_one())


_UNACCEPTED = text(f"""
    SELECT COALESCE(sum(deliveries), 0) FROM tallies
    WHERE request_id = :request_id AND outcome = 'unreachable' AND {waits("tallies")}
        AND (CAST(:vendor_id AS smallint) IS NULL OR vendor_id = :vendor_id)
""")


def find_request(connection: Connection, public_id: UUID) -> int | None:
    """The number of a request in the ledger."""
    found: int | None = connection.execute(_FIND, {"public_id": public_id}).scalar_one_or_none()
    return found


_FIND = text("SELECT id FROM requests WHERE public_id = :public_id")
