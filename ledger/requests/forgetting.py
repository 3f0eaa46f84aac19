"""Whether the people of a request may be forgotten now, and forgetting them on record."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from ledger import forgetting
from ledger.desk.deeds import LockedRequest, add_note
from ledger.evidence import outcome_trees
from ledger.evidence.lines import NoTreeError, requests_of
from ledger.sealing import MasterKeys, UnsealError
from ledger.unsettled import waits

FORGET = "forget"
"""The deed, in `notes`."""
_FIRST = {
    "loading": "it is still being received",
    "unconfirmed": "it waits to be confirmed: confirm or cancel it first",
    "running": "its people are needed until it has ended: wait, or cancel it first",
}


def obstacle(connection: Connection, request: LockedRequest) -> str | None:
    """Why the people of this request are still needed, and what to do first; None where they are not."""
    if request.status in _FIRST:
        return _FIRST[request.status]
    found = connection.execute(_NEEDED, {"id": request.id}).one()
    if found.under_way:
        return "deliveries of it are under way: try again in a minute"
    if found.withheld:
        return "a legal hold keeps the data of some of them: wait until it ends, or release it (`consent legal-hold`)"
    if found.waiting:
        return (
            f"{found.waiting:,} of its deliveries still wait for somebody: see what needs attention, and retry, close "
            "or accept them first"
        )
    return None


_NEEDED = text(f"""
    SELECT EXISTS (
            SELECT FROM chunks
            WHERE request_id = :id AND state <> 'closed' AND (purpose = 'deliver' OR state = 'leased')) AS under_way,
        (SELECT COALESCE(sum(deliveries), 0) FROM tallies WHERE request_id = :id AND {waits("tallies")}) AS waiting,
        EXISTS (SELECT FROM tallies WHERE request_id = :id AND outcome = 'withheld' AND deliveries > 0) AS withheld
""")


def forget(connection: Connection, request: LockedRequest, by: str, because: str, masters: MasterKeys) -> datetime:
    """Forget the people of a request of which nothing is needed any more; returns when. What waits to be read back is
    not read back. Its outcomes are hashed before, so that what was done can be proved afterwards."""
    close_read_backs(connection, [request.id])
    hash_outcomes(connection, [request.id], masters)
    forgetting.forget(connection, [request.id])
    add_note(connection, request.id, by, FORGET, because=because)
    at: datetime = connection.execute(_FORGOTTEN_AT, {"id": request.id}).scalar_one()
    return at


def close_read_backs(connection: Connection, request_ids: Sequence[int]) -> None:
    """Give up the read-backs of these requests that are still open: no person waits for them."""
    connection.execute(_CLOSE_READ_BACKS, {"ids": list(request_ids)})


_CLOSE_READ_BACKS = text("""
    UPDATE chunks SET state = 'closed'
    WHERE request_id = ANY(CAST(:ids AS bigint[])) AND purpose = 'verify' AND state IN ('waiting', 'queued')
""")


def hash_outcomes(connection: Connection, request_ids: Sequence[int], masters: MasterKeys) -> None:
    """Make the trees of these requests where the outcomes have changed since, or were never hashed: once their people
    are forgotten, nobody can."""
    due = connection.execute(_TREES_DUE, {"ids": list(request_ids)}).scalars().all()
    if not due:
        return
    outcome_trees.take_turn(connection, wait=True)
    for request in requests_of(connection, due):
        try:
            outcome_trees.make(connection, request, masters)
        except (NoTreeError, UnsealError):
            continue  # one that was cancelled and has not closed has no tree; nor has one whose master key is lost


_TREES_DUE = text("""
    SELECT id FROM requests
    WHERE id = ANY(CAST(:ids AS bigint[])) AND (
        id IN (SELECT request_id FROM trees_due WHERE request_id = ANY(CAST(:ids AS bigint[])))
        OR NOT EXISTS (SELECT FROM outcome_trees WHERE request_id = requests.id))
    ORDER BY id
""")
_FORGOTTEN_AT = text("SELECT forgotten_at FROM requests WHERE id = :id")
