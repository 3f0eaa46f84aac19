"""Volumes of the record: people and outcomes of a range of requests are in tables of their own, opened ahead of need,
and dropped whole when the last of those requests is past its retention."""

from collections.abc import Callable
from typing import NamedTuple

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from ledger import suppression
from ledger.filter_building import drop_filters
from ledger.forgetting import forget_names
from ledger.session import one_by_one
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
    connection.execute(_ONE_AT_A_TIME)
    connection.execute(_OPEN_AHEAD)
    connection.execute(_NOTE_ENDED)
    present = connection.execute(_PRESENT, {"most_days": most_days}).one()
    if present.bytes < most_bytes and not present.old:
        return None
    # The sequence jumps at once, even if this transaction fails. The volume that it jumps to exists already.
    connection.execute(_JUMP, {"to": present.past_request})
    connection.execute(_OPEN_AHEAD)
    connection.execute(_NOTE_ENDED)
    return int(present.id) + 1


_PARTS = "'subjects', 'other_identifiers', 'sessions', 'outcomes', 'successions'"
"""The tables of a volume. `open_volume` in the migrations names the same."""
_ONE_AT_A_TIME = text("LOCK TABLE volumes IN SHARE ROW EXCLUSIVE MODE")
_IDS = 1 << 32
"""Numbers reserved for the requests of a volume: far more than it will hold."""
_OPEN_AHEAD = text(f"""
    SELECT open_volume(CAST(newest.id + 1 AS smallint), newest.past_request, newest.past_request + {_IDS})
    FROM (SELECT id, first_request, past_request FROM volumes ORDER BY id DESC LIMIT 1) AS newest, requests_id_seq
    WHERE newest.first_request <= last_value
""")
_NOTE_ENDED = text("""
    UPDATE volumes SET ended_at = now()
    WHERE ended_at IS NULL AND past_request <= (SELECT last_value FROM requests_id_seq)
""")
_PRESENT = text(f"""
    SELECT volumes.id, past_request,
        (SELECT sum(pg_total_relation_size(CAST(name || '_' || volumes.id AS regclass)))
         FROM unnest(ARRAY[{_PARTS}]) AS name) AS bytes,
        COALESCE((SELECT received_at FROM requests WHERE requests.id >= first_request ORDER BY requests.id LIMIT 1)
            < now() - CAST(:most_days AS double precision) * interval '1 day', false) AS old
    FROM volumes, requests_id_seq
    WHERE last_value >= first_request AND last_value < past_request
""")
_JUMP = text("SELECT setval('requests_id_seq', :to, false) FROM requests_id_seq WHERE last_value < :to")


class Dropped(NamedTuple):
    """A dropped volume."""

    id: int
    requests: int
    unresolved: int
    """Deliveries in it that still needed attention."""


def drop_expired(engine: Engine, days: float) -> list[Dropped]:
    """Drop every volume whose requests all closed more than `days` ago; returns those dropped.

    Of its requests, the status (`reports.status_of`), tallies and notes stay. Their people with the filter, sessions,
    outcomes and chunks are deleted, and their data keys. It blocks nobody: each step of STEP requests is a transaction,
    and after a crash the next call continues. It waits for readers of a volume, and leaves its tables to the next call
    where that takes longer than the patience of `session.connect`.
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
            _drop_table(engine, table.parent, table.child, pending=table.pending)
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
# work tell what is open in it.
_EXPIRED = text("""
    SELECT id, first_request, past_request FROM volumes
    WHERE dropped_at IS NULL AND ended_at < now() - CAST(:days AS double precision) * interval '1 day'
        AND NOT EXISTS (
            SELECT FROM requests
            WHERE status = 'running' AND requests.id >= first_request AND requests.id < past_request)
        AND NOT EXISTS (
            SELECT FROM chunks
            WHERE request_id >= first_request AND request_id < past_request AND state <> 'closed')
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
        connection.execute(_FORGET_REQUESTS, {"ids": ids, "days": days})  # waits for whoever is about to reopen one
        forget_names(connection, ids)
        connection.execute(_FORGET_REFERENCES, {"ids": ids})
        # A forgotten request cannot be reopened. Check once more, because one may have been reopened before.
        return have_expired(connection, ids)

    def delete_chunks(connection: Connection, ids: list[int]) -> bool:
        told["requests"] += len(ids)
        told["unresolved"] += connection.execute(_UNRESOLVED, {"ids": ids}).scalar_one()
        return True

    if not _in_steps(engine, volume, have_expired):  # before anything is done: one in the middle may be young
        return None
    if not _in_steps(engine, volume, forget):
        return None
    _in_steps(engine, volume, delete_chunks, then_chunks=True)
    _keep_suppressed(engine, volume)
    with engine.begin() as connection:
        connection.execute(_NOTE_DROPPED, {"id": volume.id})
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
            last = suppression.next_line(connection, after, volume.past, STEP_PEOPLE)
            if last is None:
                return
            suppression.keep(connection, after, last)
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
    UPDATE requests SET data_key = NULL, idempotency_key = NULL, idempotency_print = NULL,
        forgotten_at = COALESCE(forgotten_at, now()), content_digest = ''
    WHERE id = ANY(CAST(:ids AS bigint[]))
        AND (data_key IS NOT NULL OR idempotency_key IS NOT NULL OR idempotency_print IS NOT NULL)
        AND {_CLOSED_IN_TIME}
""")
_FORGET_REFERENCES = text("""
    DELETE FROM request_references USING requests
    WHERE request_id = ANY(CAST(:ids AS bigint[])) AND id = request_id AND data_key IS NULL
""")
_DROP_CHUNKS = text("""
    DELETE FROM chunks WHERE id = ANY(ARRAY(
        SELECT id FROM chunks WHERE request_id >= :first AND request_id <= :last LIMIT :step))
""")
# What the evidence log has of them stays: the roots over these hashes.
_DROP_HASHES = text("""
    DELETE FROM outcome_tiles USING outcome_trees
    WHERE tree_id = outcome_trees.id AND request_id = ANY(CAST(:ids AS bigint[]))
""")
_NOTE_DROPPED = text("UPDATE volumes SET dropped_at = now() WHERE id = :id")
_UNRESOLVED = text(f"""
    SELECT COALESCE(sum(deliveries), 0) FROM tallies
    WHERE request_id = ANY(CAST(:ids AS bigint[])) AND {waits("tallies")}
""")
# Includes volumes that an earlier call could not drop.
_LEFT_OVER = text(f"""
    SELECT parent, child, inhdetachpending AS pending
    FROM volumes
    CROSS JOIN unnest(ARRAY[{_PARTS}]) AS parent
    CROSS JOIN LATERAL (SELECT parent || '_' || volumes.id AS child) AS named
    LEFT JOIN pg_inherits ON inhrelid = to_regclass(child)
    WHERE dropped_at IS NOT NULL AND to_regclass(child) IS NOT NULL
    ORDER BY volumes.id, parent
""")


def _drop_table(engine: Engine, parent: str, child: str, *, pending: bool | None) -> None:
    try:
        with one_by_one(engine) as connection:
            if pending is not None:
                connection.execute(text(f"ALTER TABLE {parent} DETACH PARTITION {child} {_how(connection, pending)}"))
            connection.execute(text(f"DROP TABLE {child}"))
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise


def _how(connection: Connection, pending: bool) -> str:
    """Detaching beside readers needs a statement outside of any transaction. Inside of one, others would wait behind us
    as long as we wait for the readers."""
    if pending:
        return "FINALIZE"
    if connection.get_isolation_level() == "AUTOCOMMIT":
        return "CONCURRENTLY"
    connection.execute(_WAIT_BRIEFLY)
    return ""


_WAIT_BRIEFLY = text("SET LOCAL lock_timeout = '2s'")
