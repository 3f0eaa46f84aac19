"""Forgets people so many days after nothing of their request waits for anybody, found by an index, in bounded steps."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, text

from domain.requests import Kind
from ledger import forgetting
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.requests.forgetting import close_read_backs, hash_outcomes
from ledger.rounds import LATEST_OF_THESE
from ledger.sealing import MasterKeys
from ledger.unsettled import keeps_person, waits_for_somebody

BY = "retention"
"""Who forgets, in the audit log."""
MOST_REQUESTS, MOST_LINES = 500, 50_000
"""Of one transaction; a larger request has one of its own."""
READ_BACK_DAYS = 7.0
"""So long read-backs that are open are waited for. What can be read back is read back; but a vendor that is held keeps
nobody for longer."""


class Place(NamedTuple):
    """How far the requests of a kind were looked at."""

    forget_from: datetime | None = None
    id: int = 0


class Step(NamedTuple):
    """What one step did: how many requests were forgotten as a whole, and of how many those people who do not wait.
    `then`: where to go on; None: it was the last."""

    whole: int
    in_part: int
    then: Place | None


def forget_next(connection: Connection, kind: Kind, days: float, place: Place, masters: MasterKeys) -> Step:
    """Forget the people of the next requests of a kind whose days are over, those that somebody works on excepted.

    Raises ledger.sealing.UnsealError.
    """
    taken = _take(connection, kind, days, place)
    if not taken:
        return Step(0, 0, None)
    ids = [row.id for row in taken]
    busy = set(connection.execute(_BUSY, {"ids": ids, "read_back_days": READ_BACK_DAYS}).scalars())
    extended = [row.id for row in taken if row.extended]
    connection.execute(_UNTIL_DUE, {"ids": extended})
    free = [row for row in taken if row.id not in busy and not row.extended]
    waiting = set(connection.execute(_WAITING, {"ids": ids}).scalars())  # after: what was busy before is seen now
    parted = [row.id for row in free if row.id in waiting and _part(connection, row, days, masters)]
    whole = [row.id for row in free if row.id not in waiting]
    if whole:
        close_read_backs(connection, whole)
        hash_outcomes(connection, whole, masters)
        forgetting.forget(connection, whole)
    if whole or parted:
        said = f"{kind}: {len(whole)} requests and parts of {len(parted)}, {days:g} days after nothing waited"
        audit.add(connection, [Entry(BY, "forget", allowed=True, target=_target(taken, whole, parted), because=said)])
    return Step(len(whole), len(parted), Place(taken[-1].forget_from, taken[-1].id))


def _target(taken: Sequence[Row[Any]], whole: Sequence[int], parted: Sequence[int]) -> str | None:
    """The request, where it is one. Of many, the evidence log has an entry each."""
    done = {*whole, *parted}
    return next(str(row.public_id) for row in taken if row.id in done) if len(done) == 1 else None


def _take(connection: Connection, kind: Kind, days: float, place: Place) -> list[Row[Any]]:
    values = {"kind": kind.value, "days": days, "after": place.forget_from, "after_id": place.id}
    found = connection.execute(_TAKE, {**values, "most": MOST_REQUESTS}).all()
    taken: list[Row[Any]] = []
    lines = 0
    for row in found:
        lines += row.lines
        if taken and lines > MOST_LINES:
            break
        taken.append(row)
    return taken


_DAYS = "CAST(:days AS double precision) * interval '1 day'"
_TAKE = text(f"""
    SELECT id, public_id, forget_from, subjects + duplicates AS lines, subjects,
        (SELECT spared FROM data_keys WHERE request_id = requests.id) AS spared,
        extended_from IS NOT NULL AND due_at > now() - {_DAYS} AS extended
    FROM requests
    WHERE kind = CAST(:kind AS kind) AND forget_from <= now() - {_DAYS}
        AND (CAST(:after AS timestamptz) IS NULL OR (forget_from, id) > (:after, :after_id))
    ORDER BY forget_from, id LIMIT :most FOR NO KEY UPDATE SKIP LOCKED
""")
_BUSY = text("""
    SELECT DISTINCT request_id FROM chunks JOIN requests ON requests.id = request_id
    WHERE request_id = ANY(CAST(:ids AS bigint[])) AND state <> 'closed' AND (
        purpose = 'deliver' OR state = 'leased'
        OR forget_from > now() - CAST(:read_back_days AS double precision) * interval '1 day')
""")
_WAITING = text(f"""
    SELECT DISTINCT request_id FROM tallies
    WHERE request_id = ANY(CAST(:ids AS bigint[])) AND deliveries > 0 AND {keeps_person("tallies")}
""")
# A deadline that was extended is waited for, though nothing else is.
_UNTIL_DUE = text("UPDATE requests SET forget_from = due_at WHERE id = ANY(CAST(:ids AS bigint[]))")


def _part(connection: Connection, row: Row[Any], days: float, masters: MasterKeys) -> bool:
    """Forget the people of a request who do not wait; False where all that are left do. For those who wait the days
    begin anew: whenever that ends, it was not before now."""
    connection.execute(_AGAIN_LATER, {"id": row.id, "days": days})
    kept = connection.execute(_WAITING_LINES, {"request_ids": [row.id]}).scalars().all()
    if len(kept) >= (row.subjects if row.spared is None else row.spared):
        return False
    close_read_backs(connection, [row.id])
    hash_outcomes(connection, [row.id], masters)
    forgetting.forget_but(connection, row.id, kept)
    return True


_AGAIN_LATER = text("""
    UPDATE requests SET forget_from = now() + GREATEST(1 - CAST(:days AS double precision), 0) * interval '1 day'
    WHERE id = :id
""")
_WAITING_LINES = text(f"""
    SELECT line FROM outcomes
    WHERE request_id = ANY(CAST(:request_ids AS bigint[])) AND {waits_for_somebody("outcomes")} AND {LATEST_OF_THESE}
    UNION SELECT line FROM withheld WHERE request_id = ANY(CAST(:request_ids AS bigint[]))
    ORDER BY line
""")
