"""Which requests may have had their last delivery settled: those that changed, and in a slow round all that run."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from ledger.turns import Place, note_place, take_turn

MOST_MARKS = 20_000
"""Marks that are taken at once; more are left to the next call."""
ROUND, ROUND_EVERY_S, MOST_IN_A_ROUND = "settle", 60.0, 10_000
"""As a net, so many running requests are looked at each minute, in turn, though nothing is known to have changed."""


def changed(connection: Connection) -> list[int]:
    """The requests of which a chunk was closed since the last call. Whatever is done about them is to be done in the
    same transaction: where that fails, they are found again."""
    return list(connection.execute(_TAKE_MARKS, {"most": MOST_MARKS}).scalars())


# A mark whose chunk is closed by a transaction that has not ended cannot be seen yet, and so is left for later.
_TAKE_MARKS = text("""
    WITH taken AS (
        DELETE FROM settling
        WHERE ctid = ANY(ARRAY(SELECT ctid FROM settling LIMIT :most FOR UPDATE SKIP LOCKED))
        RETURNING request_id)
    SELECT DISTINCT request_id FROM taken ORDER BY request_id
""")


def whose_turn(connection: Connection) -> list[int] | None:
    """The next running requests of the slow round; None where it is not yet time for more."""
    place = take_turn(connection, ROUND, ROUND_EVERY_S)
    if place is None:
        return None
    found = _after(connection, place, MOST_IN_A_ROUND)
    if len(found) < MOST_IN_A_ROUND:  # the end: go on from the beginning
        found = [*found, *_after(connection, _BEGINNING, MOST_IN_A_ROUND - len(found))]
    if found and found[-1] != place:
        note_place(connection, ROUND, found[-1])
    return sorted({one.id for one in found})


def _after(connection: Connection, place: Place, most: int) -> Sequence[Place]:
    values = {"moment": place.moment, "id": place.id, "most": most}
    return [Place(row.not_before, row.id) for row in connection.execute(_RUNNING, values)]


_BEGINNING = Place.beginning()
_RUNNING = text("""
    SELECT not_before, id FROM requests
    WHERE status = 'running' AND not_before <= now() AND (not_before, id) > (:moment, :id)
    ORDER BY not_before, id LIMIT :most
""")
