"""Volumes of the record: people and outcomes of a range of requests are in tables of their own, opened ahead of need,
and dropped whole when the last of those requests is past its retention."""

from collections.abc import Callable
from typing import NamedTuple

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from ledger import suppressing
from ledger.data_keys import has_key
from ledger.filter_building import drop_filters
from ledger.forgetting import destroy_keys, forget_names
from ledger.lines import next_line
from ledger.turns import end_turn, keep_turn, take_turn
from ledger.unsettled import waits

VOLUME_BYTES = 8 << 30
"""A volume of this size is followed by the next: about 40 million deliveries of 8 million people. The indexes of one
this size fit a small server's memory, and looking up a person reads few volumes."""


def turn_over(connection: Connection, *, most_bytes: int = VOLUME_BYTES, most_days: float | None = None) -> int | None:
    """Begin the next volume where the present one is full, or its first request older than `most_days`; returns its
    number, or None. Always keeps an empty volume ready, so call it often.

    Requests that are being written at this moment stay in the volume where they began.
    """
    values = {"most_bytes": most_bytes, "most_days": most_days}
    begun: int | None = connection.execute(_TURN_OVER, values).scalar_one()
    return begun


_TURN_OVER = text("SELECT turn_over_volumes(CAST(:most_bytes AS bigint), CAST(:most_days AS double precision))")


class Dropped(NamedTuple):
    """A dropped volume."""

    id: int
    requests: int
    unresolved: int
    """Deliveries in it that still needed attention."""


def drop_expired(engine: Engine, days: float) -> list[Dropped]:
    """Drop every volume whose requests all closed more than `days` ago; returns those dropped.

    Of its requests, the status (`reports.status_of`), tallies and notes stay. Their people with the filter, sessions,
    outcomes and chunks are deleted, and their data keys. Each step of STEP requests is a transaction, and after a crash
    the next call continues. A table that somebody reads is left to the next call: others would wait behind us.
    """
    with engine.begin() as connection:
        if take_turn(connection, DROPPING, STEP_S) is None:
            return []  # another process is doing it
    try:
        with engine.begin() as connection:
            expired = connection.execute(_EXPIRED, {"days": days}).all()
        dropped = [told for row in expired if (told := _forget(engine, _Range(*row), days)) is not None]
        with engine.begin() as connection:
            left_over = connection.execute(_LEFT_OVER).all()
        for table in left_over:
            with engine.begin() as connection:
                keep_turn(connection, DROPPING, STEP_S)
            _drop_part(engine, table.volume, table.part)
        drop_filters(engine)
    finally:
        with engine.begin() as connection:
            end_turn(connection, DROPPING)
    return dropped


DROPPING = "drop volumes"
STEP, STEP_CHUNKS, STEP_PEOPLE, STEP_S = 2_000, 10_000, 5_000, 300.0
"""Requests forgotten, chunks deleted, and people kept on the suppression list in one transaction; and its longest
duration."""
_CLOSED_IN_TIME = "closed_at < now() - CAST(:days AS double precision) * interval '1 day'"
# It must also have ended this long ago: a request that takes hours to write is invisible until then. Indexes of open
# work tell what is open in it. What a legal hold withholds is sent when that ends, and could not be afterwards.
_EXPIRED = text("""
    SELECT id, first_request, past_request FROM volumes
    WHERE dropped_at IS NULL AND ended_at < now() - CAST(:days AS double precision) * interval '1 day'
        AND NOT EXISTS (
            SELECT FROM requests
            WHERE status = 'running' AND requests.id >= first_request AND requests.id < past_request)
        AND NOT EXISTS (
            SELECT FROM chunks
            WHERE request_id >= first_request AND request_id < past_request AND state <> 'closed')
        AND NOT EXISTS (SELECT FROM withheld WHERE request_id >= first_request AND request_id < past_request)
    ORDER BY id
""")


class _Range(NamedTuple):
    """A volume and its requests."""

    id: int
    first: int
    past: int


_Step = Callable[[Connection, list[int]], bool]
"""Does something to these requests of a volume, in order; returns whether to go on."""


def _forget(engine: Engine, volume: _Range, days: float) -> Dropped | None:
    """Forget the requests of a volume, so that nothing can be done to them, and delete their chunks; None where one has
    not expired, or was reopened meanwhile."""
    told = {"requests": 0, "unresolved": 0}

    def have_expired(connection: Connection, ids: list[int]) -> bool:
        return bool(connection.execute(_HAVE_EXPIRED, {"ids": ids, "days": days}).scalar_one())

    def forget(connection: Connection, ids: list[int]) -> bool:
        # Waits for a process that is about to reopen one.
        forgotten = connection.execute(_FORGET_REQUESTS, {"ids": ids, "days": days}).scalars().all()
        destroy_keys(connection, forgotten)
        forget_names(connection, ids)
        connection.execute(_FORGET_REFERENCES, {"ids": ids})
        # A forgotten request cannot be reopened. Check once more, because one may have been reopened before.
        return have_expired(connection, ids)

    def delete_chunks(connection: Connection, ids: list[int]) -> bool:
        told["requests"] += len(ids)
        told["unresolved"] += connection.execute(_UNRESOLVED, {"ids": ids}).scalar_one()
        connection.execute(_DROP_OPENDSR, {"ids": ids})
        return True

    if not _in_steps(engine, volume, have_expired):  # before anything is done: one in the middle may be young
        return None
    if not _in_steps(engine, volume, forget):
        return None
    _in_steps(engine, volume, delete_chunks, then_chunks=True)
    _keep_suppressed(engine, volume)
    with engine.begin() as connection:
        connection.execute(_DROP, {"id": volume.id, "days": days})
    _in_steps(engine, volume, lambda connection, ids: bool(connection.execute(_DROP_HASHES, {"ids": ids})))
    return Dropped(volume.id, **told)


def _in_steps(engine: Engine, volume: _Range, step: _Step, *, then_chunks: bool = False) -> bool:
    """Whether every step went on. After each of them, `then_chunks`: delete the chunks of its requests."""
    after = volume.first - 1
    while True:
        with engine.begin() as connection:
            keep_turn(connection, DROPPING, STEP_S)
            ids = list(connection.execute(_NEXT, {"after": after, "past": volume.past, "step": STEP}).scalars())
            if not ids:
                return True
            if not step(connection, ids):
                return False
        if then_chunks:
            _delete_chunks(engine, ids)
        after = ids[-1]


def _keep_suppressed(engine: Engine, volume: _Range) -> None:
    """Put who was erased on the suppression list, which outlives the volume."""
    after = (volume.first, 0)
    while True:
        with engine.begin() as connection:
            keep_turn(connection, DROPPING, STEP_S)
            last = next_line(connection, after, volume.past, STEP_PEOPLE)
            if last is None:
                return
            suppressing.keep(connection, after, last)
        after = last


def _delete_chunks(engine: Engine, ids: list[int]) -> None:
    values = {"first": ids[0], "last": ids[-1], "step": STEP_CHUNKS}
    while True:
        with engine.begin() as connection:
            if connection.execute(_DROP_CHUNKS, values).rowcount < STEP_CHUNKS:
                return
            keep_turn(connection, DROPPING, STEP_S)


_NEXT = text("SELECT id FROM requests WHERE id > :after AND id < :past ORDER BY id LIMIT :step")
_HAVE_EXPIRED = text(f"""
    SELECT COALESCE(bool_and(COALESCE({_CLOSED_IN_TIME}, false)), true) FROM requests
    WHERE id = ANY(CAST(:ids AS bigint[]))
""")
_FORGET_REQUESTS = text(f"""
    UPDATE requests SET idempotency_key = NULL, idempotency_print = NULL, forget_from = NULL,
        forgotten_at = COALESCE(forgotten_at, now()), content_digest = ''
    WHERE id = ANY(CAST(:ids AS bigint[]))
        AND ({has_key()} OR idempotency_key IS NOT NULL OR idempotency_print IS NOT NULL)
        AND {_CLOSED_IN_TIME}
    RETURNING id
""")
_FORGET_REFERENCES = text(f"""
    DELETE FROM request_references USING requests
    WHERE request_id = ANY(CAST(:ids AS bigint[])) AND id = request_id AND NOT {has_key()}
""")
_DROP_CHUNKS = text("""
    DELETE FROM chunks WHERE id = ANY(ARRAY(
        SELECT id FROM chunks WHERE request_id >= :first AND request_id <= :last LIMIT :step))
""")
_DROP_OPENDSR = text("DELETE FROM opendsr_requests WHERE request_id = ANY(CAST(:ids AS bigint[]))")
# What the evidence log has of them stays: the roots over these hashes.
_DROP_HASHES = text("SELECT drop_outcome_hashes(CAST(:ids AS bigint[]))")
_DROP = text("SELECT drop_volume(CAST(:id AS smallint), CAST(:days AS double precision))")
_UNRESOLVED = text(f"""
    SELECT COALESCE(sum(deliveries), 0) FROM tallies
    WHERE request_id = ANY(CAST(:ids AS bigint[])) AND {waits("tallies")}
""")
# Includes volumes that an earlier call could not drop.
_LEFT_OVER = text("""
    SELECT volumes.id AS volume, part FROM volumes CROSS JOIN unnest(volume_parts()) AS part
    WHERE dropped_at IS NOT NULL AND to_regclass(part || '_' || volumes.id) IS NOT NULL
    ORDER BY volumes.id, part
""")


def _drop_part(engine: Engine, volume: int, part: str) -> None:
    """Drop one of its tables, or leave it to the next call where it is being read."""
    try:
        with engine.begin() as connection:
            connection.execute(_DROP_PART, {"volume": volume, "part": part})
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise


_DROP_PART = text("SELECT drop_volume_part(CAST(:volume AS smallint), :part)")
