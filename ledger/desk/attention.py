"""Deliveries that need a person: found, and sent again in a new round, millions in a few statements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from domain.outcomes import LIFTED_BY_RETRY, NAMED_ONLY, Outcome, Reason
from ledger.data_keys import knows_all, readable
from ledger.desk.deeds import LockedRequest
from ledger.rounds import LATEST, LATEST_OF_THESE, OF_THESE, Opened, open_round
from ledger.unsettled import COMPLETED_IN_ERROR, NEEDS_ATTENTION, waits

MENDED_BY_A_SESSION = (Reason.IDENTITY_MISMATCH.value, Reason.IDENTITY_UNKNOWN.value)
"""Reasons for a refusal that another session of the right person may overcome."""


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
    """What needs a person, in all requests except cancelled ones, or in one; most urgent first.

    It costs the requests that have not ended well, and what of a request needs attention at a vendor for several
    reasons, however large the rest of the ledger is.
    """
    values = {"request_id": request_id, "vendor_id": vendor_id, "reason": reason}
    return [Group(*row) for row in connection.execute(_GROUPS, values)]


# Where everything of a request that needs somebody at a vendor has one and the same reason, which the first and last
# entry of an index tell, the tallies know how many these are: a million who cannot be found are not counted singly.
# Else all that ever needed somebody is counted by reason. Where that makes as many as the tallies know, none of it is
# of an earlier round; whether a row is the latest is looked up only where it makes more, at forty times the cost.
_REASON = f"""
    SELECT reason FROM outcomes
    WHERE outcomes.request_id = standing.request_id AND outcomes.vendor_id = standing.vendor_id AND {NEEDS_ATTENTION}
    ORDER BY reason
"""
_EVER = f"""
    FROM outcomes
    WHERE outcomes.request_id = told.request_id AND outcomes.vendor_id = told.vendor_id AND {NEEDS_ATTENTION}
        AND outcomes.outcome = told.outcome
"""
_GROUPS = text(f"""
    WITH standing AS MATERIALIZED (
        SELECT tallies.request_id, tallies.vendor_id, tallies.outcome, tallies.deliveries, due_at
        FROM (
            SELECT id, due_at FROM requests
            WHERE id = CAST(:request_id AS bigint) AND status <> 'cancelled'
            UNION ALL SELECT id, due_at FROM requests
            WHERE CAST(:request_id AS bigint) IS NULL
                AND status IN ('unconfirmed', 'running', 'completed_with_exceptions')
            UNION ALL SELECT id, due_at FROM requests
            WHERE CAST(:request_id AS bigint) IS NULL AND {COMPLETED_IN_ERROR}) AS open
        JOIN tallies ON tallies.request_id = open.id
        WHERE deliveries > 0 AND {waits("tallies")}
            AND EXISTS (SELECT FROM data_keys WHERE data_keys.request_id = tallies.request_id)
            AND (CAST(:vendor_id AS smallint) IS NULL OR tallies.vendor_id = :vendor_id)),
    told AS MATERIALIZED (
        SELECT standing.*, first.reason,
            first.reason IS NOT DISTINCT FROM last.reason AND {knows_all("standing")} AS of_one_reason
        FROM standing
        CROSS JOIN LATERAL ({_REASON} LIMIT 1) AS first
        CROSS JOIN LATERAL ({_REASON} DESC LIMIT 1) AS last),
    ever AS MATERIALIZED (
        SELECT told.*, its.reason, its.ever,
            sum(its.ever) OVER (PARTITION BY request_id, vendor_id, outcome) = told.deliveries AS all_latest
        FROM (SELECT request_id, vendor_id, outcome, deliveries, due_at FROM told
            WHERE NOT of_one_reason AND {knows_all("told")}) AS told
        CROSS JOIN LATERAL (SELECT outcomes.reason, count(*) AS ever {_EVER} GROUP BY outcomes.reason) AS its),
    counted AS (
        SELECT request_id, vendor_id, outcome, reason, deliveries, due_at FROM told WHERE of_one_reason
        UNION ALL
        SELECT request_id, vendor_id, outcome, reason, ever, due_at FROM ever WHERE ever.all_latest
        UNION ALL
        SELECT told.request_id, told.vendor_id, told.outcome, its.reason, its.deliveries, due_at
        FROM told
        CROSS JOIN LATERAL (
            SELECT outcomes.reason, count(*) AS deliveries {_EVER} AND {readable("outcomes")} AND {LATEST}
            GROUP BY outcomes.reason) AS its
        WHERE NOT of_one_reason AND NOT EXISTS (
            SELECT FROM ever
            WHERE all_latest AND ever.request_id = told.request_id AND ever.vendor_id = told.vendor_id
                AND ever.outcome = told.outcome))
    SELECT vendors.name, CAST(outcome AS text), reason, CAST(sum(deliveries) AS bigint), count(DISTINCT request_id),
        min(due_at)
    FROM counted JOIN vendors ON vendors.id = counted.vendor_id
    WHERE CAST(:reason AS text) IS NULL OR reason = :reason
    GROUP BY vendors.name, outcome, reason
    ORDER BY min(due_at), vendors.name, outcome, reason
""")


@dataclass(frozen=True)
class Selection:
    """Which waiting deliveries of a request are meant."""

    vendor_id: int | None = None
    reason: str | None = None
    """Refused deliveries are only meant where their reason is named: the vendor has said that it will never accept them
    as they are."""
    session_vendor_ids: Sequence[int] = ()
    """Vendors that need a person's own session: without one on record a retry cannot succeed."""


class ReopenedAll(NamedTuple):
    """The same for several requests: by the ids of vendors, and which of the requests run again."""

    deliveries: dict[int, int]
    requests: list[int]
    without_session: int
    unreachable: int


class Reopened(NamedTuple):
    """How many deliveries are sent again, by vendor, and how many of those meant cannot be sent without a fresh
    session, or without an identifier that the vendor knows."""

    deliveries: dict[str, int]
    without_session: int
    unreachable: int


NAMED = list(NAMED_ONLY)
"""`named_only` of the next condition."""
MEANT_BY_RETRY = f"""
    {NEEDS_ATTENTION} AND outcome <> 'unreachable'
        AND CASE WHEN CAST(:reason AS text) IS NULL
            THEN outcome <> 'refused' AND COALESCE(reason <> ALL(CAST(:named_only AS text[])), true)
            ELSE reason = :reason END
"""
"""A condition on the last outcome of a delivery: it is sent again, where nothing is missing."""
_MEANT = f"""
    {OF_THESE} AND (CAST(:vendor_id AS smallint) IS NULL OR vendor_id = :vendor_id)
        AND {MEANT_BY_RETRY} AND {LATEST_OF_THESE}
"""
_SUPERSEDED = f"""
    {OF_THESE} AND outcome = 'superseded'
        AND (CAST(:vendor_id AS smallint) IS NULL OR vendor_id = :vendor_id)
        AND {LATEST_OF_THESE}
"""
_HAS_SESSION = """
    (vendor_id <> ALL(CAST(:session_vendor_ids AS smallint[])) OR EXISTS (
        SELECT FROM sessions
        WHERE sessions.request_id = outcomes.request_id AND sessions.vendor_id = outcomes.vendor_id
            AND sessions.line = outcomes.line))
"""
_OF_LINES = f"""
    {OF_THESE} AND vendor_id = :vendor_id AND line = ANY(CAST(:lines AS integer[]))
        AND {NEEDS_ATTENTION} AND {LATEST_OF_THESE}
"""


def reopen(connection: Connection, request: LockedRequest, meant: Selection) -> Reopened:
    """Send waiting deliveries again, in a new round with attempts counted anew. The caller holds the request's lock
    (`deeds.lock_request`) and adds the note."""
    again = reopen_all(connection, [request.id], meant)
    return Reopened(_by_name(request, again.deliveries), again.without_session, again.unreachable)


def reopen_all(connection: Connection, request_ids: Sequence[int], meant: Selection) -> ReopenedAll:
    """The same for several requests, in as many statements as for one."""
    values = {
        "request_ids": list(request_ids),
        "vendor_id": meant.vendor_id,
        "reason": meant.reason,
        "session_vendor_ids": list(meant.session_vendor_ids),
        "named_only": NAMED,
        "lifted": meant.reason if meant.reason in LIFTED_BY_RETRY else None,
    }
    # A superseded delivery is compared with the newer wish again, and may give way again.
    which = _SUPERSEDED if meant.reason == Outcome.SUPERSEDED else _MEANT
    without = connection.execute(text(f"SELECT count(*) {which} AND NOT {_HAS_SESSION}"), values).scalar_one()
    unreachable = connection.execute(_COUNT_UNREACHABLE, values).scalar_one()
    opened = open_round(connection, f"{which} AND {_HAS_SESSION}", values)
    again = sorted({one.request_id for one in opened})
    return ReopenedAll(_by_vendor(opened), again, without, unreachable)


_COUNT_UNREACHABLE = text(f"""
    SELECT count(*) {OF_THESE} AND outcome = 'unreachable' AND {waits("outcomes")}
        AND (CAST(:vendor_id AS smallint) IS NULL OR vendor_id = :vendor_id)
        AND COALESCE(reason = CAST(:reason AS text), true) AND {LATEST_OF_THESE}
""")


def reopen_lines(
    connection: Connection, request: LockedRequest, vendor_id: int, lines: Sequence[int]
) -> dict[str, int]:
    """The same for these people at one vendor, whatever they wait for."""
    values = {"request_ids": [request.id], "vendor_id": vendor_id, "lines": list(lines), "lifted": None}
    return _by_name(request, _by_vendor(open_round(connection, _OF_LINES, values)))


def _by_vendor(opened: Sequence[Opened]) -> dict[int, int]:
    deliveries: dict[int, int] = {}
    for one in sorted(opened, key=lambda one: one.vendor_id):
        deliveries[one.vendor_id] = deliveries.get(one.vendor_id, 0) + one.deliveries
    return deliveries


def _by_name(request: LockedRequest, deliveries: Mapping[int, int]) -> dict[str, int]:
    names = {id_: name for name, id_ in request.vendors.items()}
    return {names[vendor_id]: count for vendor_id, count in deliveries.items()}


def unreachable(connection: Connection, request: LockedRequest, vendor_id: int | None) -> int:
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
