"""Filters of the people in volumes that have ended, built and deleted in bounded steps."""

from collections.abc import Sequence
from struct import Struct
from typing import Any

from psycopg.errors import LockNotAvailable
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from ledger.turns import end_turn, keep_turn, take_turn

ENDED_FOR_S = 3600.0
"""A volume is filtered this long after it has ended: requests that were being written then are complete. What is
written to it later is recorded one by one (`late_prints`)."""
BLOCK_BYTES, BITS_A_PRINT = 1024, 24
"""Each fingerprint sets six bits of a block. About one in ten thousand other fingerprints wrongly seems to be
present."""
STEP_PEOPLE, STEP_BLOCKS, STEP_S = 20_000, 2_000, 300.0
"""How many people are read, and blocks written or deleted, in one transaction; and its longest duration."""
FILTERING = "filter volumes"


def build_filters(engine: Engine, *, ended_for_s: float = ENDED_FOR_S) -> list[int]:
    """Filter the volumes that ended `ended_for_s` ago and have no filter yet; returns their numbers.

    It takes 10 to 20 seconds and 9 MB for each million people. One process does it at a time; after a crash the next
    one begins the volume again. A volume that is being written to is left to the next call.
    """
    with engine.begin() as connection:
        if not connection.execute(_UNFILTERED, {"ended_for_s": ended_for_s}).first():
            return []
        if take_turn(connection, FILTERING, STEP_S) is None:
            return []
    try:
        with engine.begin() as connection:
            ended = connection.execute(_UNFILTERED, {"ended_for_s": ended_for_s}).all()
        return [volume.id for volume in ended if _build(engine, volume)]
    finally:
        with engine.begin() as connection:
            end_turn(connection, FILTERING)


def drop_filters(engine: Engine) -> None:
    """Delete the rest of the filters of volumes that were dropped."""
    with engine.begin() as connection:
        left_over = connection.execute(_LEFT_OVER).all()
    for volume in left_over:
        _delete(engine, volume)
        with engine.begin() as connection:
            connection.execute(_FORGET_FILTER, {"id": volume.id, "filter": volume.filter})


def _build(engine: Engine, volume: Any) -> bool:
    """Whether the volume now has its filter."""
    if not _note_what_comes_late(engine, volume.id):
        return False
    if volume.filter is not None:
        _delete(engine, volume)
    with engine.begin() as connection:
        filter_id, people = connection.execute(_BEGIN, volume._asdict()).one()
    blocks = -(-people * 3 * BITS_A_PRINT // (BLOCK_BYTES * 8)) or 1
    filled = _filled(engine, volume, blocks)
    for first in range(0, blocks, STEP_BLOCKS):
        numbers = range(first, min(first + STEP_BLOCKS, blocks))
        bits = [bytes(filled[number * BLOCK_BYTES : (number + 1) * BLOCK_BYTES]) for number in numbers]
        with engine.begin() as connection:
            keep_turn(connection, FILTERING, STEP_S)
            written = {"filter": filter_id, "blocks": list(numbers), "bits": bits}
            if not connection.execute(_WRITE, written).rowcount:
                return False  # it was dropped, or another process has begun again
    with engine.begin() as connection:
        return bool(connection.execute(_WHOLE, {"filter": filter_id, "blocks": blocks}).rowcount)


def _note_what_comes_late(engine: Engine, volume: int) -> bool:
    """From now on, record what is written to the volume. Waits a moment for present writers."""
    try:
        with engine.begin() as connection:
            connection.execute(_WAIT_BRIEFLY)
            connection.execute(_NOTE_LATE, {"volume": volume})
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        return False
    return True


def _filled(engine: Engine, volume: Any, blocks: int) -> bytearray:
    """The filter's blocks, one after the other. A block is filled from a fingerprint's own bytes, as the database's
    functions `filter_block` and `filter_may_hold` read it."""
    filled = bytearray(blocks * BLOCK_BYTES)
    request_id, line = volume.first_request, 0
    while True:
        values = {"request_id": request_id, "line": line, "past": volume.past_request, "people": STEP_PEOPLE}
        with engine.begin() as connection:
            keep_turn(connection, FILTERING, STEP_S)
            rows: Sequence[Any] = connection.execute(_PRINTS, values).all()
        for _, _, *prints in rows:
            for a_print in prints:
                if a_print is not None:
                    begin = int.from_bytes(a_print[:3]) % blocks * BLOCK_BYTES
                    for place in _PLACES.unpack(a_print):
                        filled[begin + (place >> 3 & BLOCK_BYTES - 1)] |= 1 << (place & 7)
        if len(rows) < STEP_PEOPLE:
            return filled
        request_id, line = rows[-1].request_id, rows[-1].line


_PLACES = Struct("!3x6Hx")


def _delete(engine: Engine, volume: Any) -> None:
    values = {"filter": volume.filter, "volume": volume.id, "step": STEP_BLOCKS}
    for statement in (_DELETE_BLOCKS, *((_DELETE_LATE,) if volume.dropped_at else ())):
        while True:
            with engine.begin() as connection:
                if connection.execute(statement, values).rowcount < STEP_BLOCKS:
                    break


_UNFILTERED = text("""
    SELECT id, first_request, past_request, filter, dropped_at FROM volumes
    WHERE dropped_at IS NULL AND filter_blocks IS NULL AND ended_at <= now() - make_interval(secs => :ended_for_s)
        -- nobody's fingerprints stay as they are while a key is being replaced
        AND NOT EXISTS (SELECT FROM keys WHERE state = 'reprinting')
    ORDER BY id
""")
_LEFT_OVER = text("""
    SELECT id, filter, dropped_at FROM volumes
    WHERE dropped_at IS NOT NULL
        AND (filter IS NOT NULL OR EXISTS (SELECT FROM late_prints WHERE late_prints.volume = volumes.id))
    ORDER BY id
""")
_FORGET_FILTER = text("UPDATE volumes SET filter = NULL, filter_blocks = NULL WHERE id = :id AND filter = :filter")
_WAIT_BRIEFLY = text("SET LOCAL lock_timeout = '2s'")
_NOTE_LATE = text("SELECT note_what_comes_late(CAST(:volume AS smallint))")
_BEGIN = text("""
    UPDATE volumes SET filter = nextval('person_filters_id') WHERE id = :id
    RETURNING filter, (
        SELECT COALESCE(sum(subjects), 0) FROM requests
        WHERE requests.id >= :first_request AND requests.id < :past_request)
""")
_PRINTS = text("""
    SELECT request_id, line, uuid_send(user_print), uuid_send(email_print), uuid_send(phone_print) FROM subjects
    WHERE (request_id, line) > (:request_id, :line) AND request_id >= :request_id AND request_id < :past
    ORDER BY request_id, line LIMIT :people
""")
_WRITE = text("""
    INSERT INTO person_filters (filter, block, bits)
    SELECT :filter, written.* FROM unnest(CAST(:blocks AS integer[]), CAST(:bits AS bytea[])) AS written (block, bits)
    WHERE EXISTS (SELECT FROM volumes WHERE filter = :filter)
""")
_WHOLE = text("UPDATE volumes SET filter_blocks = :blocks WHERE filter = :filter AND dropped_at IS NULL")
_DELETE_BLOCKS = text("""
    DELETE FROM person_filters WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM person_filters WHERE filter = :filter LIMIT :step))
""")
_DELETE_LATE = text("""
    DELETE FROM late_prints WHERE ctid = ANY(ARRAY(SELECT ctid FROM late_prints WHERE volume = :volume LIMIT :step))
""")
