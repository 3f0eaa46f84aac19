"""Volumes of the record: people and outcomes of a range of requests lie in tables of their own, opened ahead of need,
and dropped whole when the last of those requests is past its retention."""

from typing import NamedTuple

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from ledger.limits import unhurried
from ledger.session import one_by_one
from ledger.unsettled import waits

VOLUME_BYTES = 8 << 30
"""A volume that has grown to this is followed by the next: about 40 million deliveries of 8 million people. The indexes
of one that size fit a small server's memory, and whoever looks for a person in all volumes looks into few."""


def turn_over(connection: Connection, *, most_bytes: int = VOLUME_BYTES, most_days: float | None = None) -> int | None:
    """Have new requests written to the next volume where the present one is full, or its first request older than
    `most_days`; the number of the new volume, or None. Always keeps an empty volume ahead, so call it often.

    Requests that are being written at this moment end in the volume they began in.
    """
    connection.execute(_ONE_AT_A_TIME)
    connection.execute(_OPEN_AHEAD)
    connection.execute(_NOTE_ENDED)
    present = connection.execute(_PRESENT, {"most_days": most_days}).one()
    if present.bytes < most_bytes and not present.old:
        return None
    # Numbers jump at once, whatever becomes of this transaction. The volume they jump to is there already.
    connection.execute(_JUMP, {"to": present.past_request})
    connection.execute(_OPEN_AHEAD)
    connection.execute(_NOTE_ENDED)
    return int(present.id) + 1


_PARTS = "'subjects', 'other_identifiers', 'sessions', 'outcomes', 'successions'"
"""What lies in volumes; `open_volume` in the migrations names the same."""
_ONE_AT_A_TIME = text("LOCK TABLE volumes IN SHARE ROW EXCLUSIVE MODE")
_IDS = 1 << 32
"""Numbers set aside for the requests of a volume: far more than it will hold."""
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
    """A volume that is gone."""

    id: int
    requests: int
    unresolved: int
    """Deliveries in it that still needed attention."""


def drop_expired(engine: Engine, days: float) -> list[Dropped]:
    """Drop every volume whose requests all closed more than `days` ago; those dropped now.

    What stays of its requests: how they stand (`reports.status_of`), their tallies and notes. Their people, sessions,
    outcomes and chunks go, and their data keys. Holds up nobody: it waits for those who read in a volume, and leaves
    its tables to the next call where that takes longer than `session.connect` was told to be patient.
    """
    with engine.begin() as guard:
        guard.execute(_STAY)
        if not guard.execute(_LOCK_DROPPING).scalar_one():
            return []  # someone else is at it
        with engine.begin() as connection:
            expired = connection.execute(_EXPIRED, {"days": days}).scalars().all()
        dropped = [told for volume_id in expired if (told := _forget(engine, volume_id, days)) is not None]
        with engine.begin() as connection:
            left_over = connection.execute(_LEFT_OVER).all()
        for table in left_over:
            _drop_table(engine, table.parent, table.child, pending=table.pending)
    return dropped


_DROPPING = 0x766F6C756D65  # "volume"
_STAY = text("SET LOCAL idle_in_transaction_session_timeout = 0")
# Of the transaction, not of the connection: behind a pooler that is somebody else's a moment later.
_LOCK_DROPPING = text(f"SELECT pg_try_advisory_xact_lock({_DROPPING})")
_CLOSED_IN_TIME = "closed_at < now() - CAST(:days AS double precision) * interval '1 day'"
_OPEN_STILL = f"""
    EXISTS (
        SELECT FROM requests
        WHERE requests.id >= first_request AND requests.id < past_request AND NOT COALESCE({_CLOSED_IN_TIME}, false))
    OR EXISTS (
        SELECT FROM chunks
        WHERE request_id >= first_request AND request_id < past_request AND state <> 'closed')
"""
# It must also have ended so long ago: a request that is being written for hours can be seen by nobody yet.
_EXPIRED = text(f"""
    SELECT id FROM volumes
    WHERE dropped_at IS NULL AND ended_at < now() - CAST(:days AS double precision) * interval '1 day'
        AND NOT ({_OPEN_STILL})
    ORDER BY id
""")


def _forget(engine: Engine, volume_id: int, days: float) -> Dropped | None:
    """Forget the requests of a volume, so that nothing can be done to them; None where one was reopened meanwhile."""
    volume = {"id": volume_id, "days": days}
    with engine.connect() as connection, connection.begin() as transaction:
        unhurried(connection)
        connection.execute(_FORGET_REQUESTS, volume)  # waits for whoever is about to reopen one
        if connection.execute(_IS_OPEN, volume).scalar_one():
            transaction.rollback()
            return None
        connection.execute(_DROP_CHUNKS, volume)
        connection.execute(_NOTE_DROPPED, volume)
        return Dropped(volume_id, *connection.execute(_TOLD, volume).one())


_OF_VOLUME = "FROM volumes WHERE volumes.id = :id AND {0} >= first_request AND {0} < past_request"
_FORGET_REQUESTS = text(f"""
    UPDATE requests SET data_key = NULL, idempotency_key = NULL
    {_OF_VOLUME.format("requests.id")} AND {_CLOSED_IN_TIME}
""")
_IS_OPEN = text(f"SELECT {_OPEN_STILL} FROM volumes WHERE id = :id")
_DROP_CHUNKS = text(f"""
    DELETE FROM chunks USING volumes
    {_OF_VOLUME.format("request_id").removeprefix("FROM volumes")}
""")
_NOTE_DROPPED = text("UPDATE volumes SET dropped_at = now() WHERE id = :id")
_TOLD = text(f"""
    SELECT (SELECT count(*) FROM requests WHERE requests.id >= first_request AND requests.id < past_request),
        (SELECT COALESCE(sum(deliveries), 0) FROM tallies
         WHERE request_id >= first_request AND request_id < past_request
            AND {waits("tallies")})
    FROM volumes WHERE id = :id
""")
# Also those that an earlier call could not get rid of.
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
    """To detach beside readers takes a statement outside of any transaction; inside of one, others would wait behind us
    for as long as we wait for them."""
    if pending:
        return "FINALIZE"
    if connection.get_isolation_level() == "AUTOCOMMIT":
        return "CONCURRENTLY"
    connection.execute(_WAIT_BRIEFLY)
    return ""


_WAIT_BRIEFLY = text("SET LOCAL lock_timeout = '2s'")
