"""Closes requests whose last delivery is settled, and follows changes of closed ones."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from ledger.kept_plans import unseen
from ledger.requests import settling
from ledger.unsettled import IS_EXCEPTION, NOTHING_OPEN


class Closed(NamedTuple):
    """How many requests were closed, and which of them other deliveries gave way to."""

    number: int
    successors: list[int]


def close_settled(connection: Connection, request_id: int | None = None) -> Closed:
    """Close running requests whose last delivery is settled: this one, or all candidates (ledger.requests.settling). A
    completed one in which a read-back found something that needs attention becomes one with exceptions."""
    if request_id is not None:
        return _close_settled(connection, [request_id])
    ids = {*settling.changed(connection), *settling.whose_turn(connection)}
    return _close_settled(connection, sorted(ids)) if ids else Closed(0, [])


def _close_settled(connection: Connection, ids: Sequence[int]) -> Closed:
    settled = list(connection.execute(_LOCK_SETTLED, {"ids": ids}).scalars())
    closed = connection.execute(_CLOSE, {"ids": settled}).all() if settled else []
    connection.execute(_FLAG, {"ids": ids})
    return Closed(len(closed), [row.id for row in closed if row.is_successor])


def flag(connection: Connection, request_id: int) -> None:
    """Turn a completed request in which something needs attention after all into one with exceptions."""
    connection.execute(_FLAG, {"ids": [request_id]})


_IDS = unseen("ids", "bigint")
_WITH_EXCEPTIONS = f"""
    EXISTS (
        SELECT FROM tallies
        WHERE tallies.request_id = requests.id AND deliveries > 0
            AND {IS_EXCEPTION})
"""
# Lock first, then check in a second statement: a retry may have opened new chunks while we waited. Find them by id:
# with `status` compared plainly, the planner would read through an index of everything running.
_LOCK_SETTLED = text(f"""
    SELECT id FROM requests
    WHERE id = ANY({_IDS}) AND CAST(status AS text) = 'running' AND not_before <= now()
        AND {NOTHING_OPEN}
    ORDER BY id FOR NO KEY UPDATE
""")
_CLOSE = text(f"""
    UPDATE requests
    SET closed_at = now(),
        status = CAST(CASE WHEN {_WITH_EXCEPTIONS} THEN 'completed_with_exceptions' ELSE 'completed' END
            AS request_status)
    WHERE CAST(status AS text) = 'running' AND id = ANY({_IDS}) AND {NOTHING_OPEN}
    RETURNING id, EXISTS (SELECT FROM successions WHERE by_request = requests.id) AS is_successor
""")
_FLAG = text(f"""
    UPDATE requests SET status = 'completed_with_exceptions'
    WHERE CAST(status AS text) = 'completed' AND id = ANY({_IDS}) AND {_WITH_EXCEPTIONS}
""")


def judge_again(connection: Connection, *request_ids: int) -> None:
    """A person has settled something of these requests: adjust the status of closed ones."""
    connection.execute(_JUDGE_AGAIN, {"ids": sorted(request_ids)})


_JUDGE_AGAIN = text(f"""
    UPDATE requests SET status = 'completed'
    WHERE status = 'completed_with_exceptions' AND id = ANY({_IDS}) AND NOT {_WITH_EXCEPTIONS}
""")
