"""Requests that may have had their last delivery settled: those that changed, and in a slow round all that run."""

from sqlalchemy import Connection, TextClause, text

from ledger.turns import Place, note_place, take_turn

MOST_MARKS = 20_000
"""Marks taken at once; the rest is left to the next call."""
ROUND, DOUBTFUL, ROUND_EVERY_S, MOST_IN_A_ROUND = "settle", "doubtful", 60.0, 10_000
"""As a last resort, so many running requests are checked each minute, in turn, even if nothing is known to have
changed; and as many in which something needs action."""


def changed(connection: Connection) -> list[int]:
    """Requests of which a chunk was closed since the last call. The caller must act on them in the same transaction: if
    that fails, they are found again."""
    return list(connection.execute(_TAKE_MARKS, {"most": MOST_MARKS}).scalars())


# A mark of a transaction that has not ended is invisible, and so is left for later.
_TAKE_MARKS = text("""
    WITH taken AS (
        DELETE FROM settling
        WHERE ctid = ANY(ARRAY(SELECT ctid FROM settling LIMIT :most FOR UPDATE SKIP LOCKED))
        RETURNING request_id)
    SELECT DISTINCT request_id FROM taken ORDER BY request_id
""")


def whose_turn(connection: Connection) -> list[int]:
    """The next requests of the slow rounds: running ones, and those in which something needs action, which an earlier
    version may have left as completed. None where it is too early."""
    place = take_turn(connection, ROUND, ROUND_EVERY_S)
    if place is None:
        return []
    running = _in_turn(connection, ROUND, place, _RUNNING)
    doubtful = take_turn(connection, DOUBTFUL, ROUND_EVERY_S)
    if doubtful is not None:
        running += _in_turn(connection, DOUBTFUL, doubtful, _NEEDS_ACTION)
    return sorted({one.id for one in running})


def _in_turn(connection: Connection, work: str, place: Place, statement: TextClause) -> list[Place]:
    found = _after(connection, place, MOST_IN_A_ROUND, statement)
    if len(found) < MOST_IN_A_ROUND:  # the end: continue from the beginning
        found += _after(connection, _BEGINNING, MOST_IN_A_ROUND - len(found), statement)
    if found and found[-1] != place:
        note_place(connection, work, found[-1])
    return found


def _after(connection: Connection, place: Place, most: int, statement: TextClause) -> list[Place]:
    values = {"moment": place.moment, "id": place.id, "most": most}
    return [Place(row.moment, row.id) for row in connection.execute(statement, values)]


_BEGINNING = Place.beginning()
_RUNNING = text("""
    SELECT not_before AS moment, id FROM requests
    WHERE status = 'running' AND not_before <= now() AND (not_before, id) > (:moment, :id)
    ORDER BY not_before, id LIMIT :most
""")
_NEEDS_ACTION = text("""
    SELECT DISTINCT CAST(:moment AS timestamptz) AS moment, request_id AS id FROM tallies
    WHERE outcome = 'needs_action' AND request_id > :id
    ORDER BY request_id LIMIT :most
""")
