"""Chunks in the ledger: queued fairly, leased to one worker at a time, closed or put back."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from pydantic_core import to_json
from sqlalchemy import Connection, TextClause, text

from domain.requests import Kind
from domain.retry import Setback
from ledger.requests import key_context, options_context
from ledger.sealing import MasterKeys, SealingKey

QUEUE_GRACE_S = 30.0
"""A chunk whose message was lost on the way to a worker is queued again after this long."""
LOOKED_AT, NEWEST = 200, 20
"""Of ten thousand requests that are due at once, a claim that looked at all of them would take 0.2 s."""


class Purpose(StrEnum):
    """What a chunk is for."""

    DELIVER = "deliver"
    VERIFY = "verify"  # read back what was accepted


@dataclass(frozen=True, slots=True)
class Lease:
    """A chunk that this worker alone may deliver until the lease runs out, with what is needed to open its people."""

    id: UUID
    chunk_id: int
    request_id: int
    vendor_id: int
    vendor: str
    kind: Kind
    first_line: int
    last_line: int
    round: int
    purpose: Purpose
    starts: int
    lost: int
    """How many workers in a row vanished with it, before this one."""
    setbacks: tuple[Setback, ...]
    options: bytes = field(repr=False)
    key: SealingKey = field(repr=False)


class LeaseLostError(Exception):
    """Another worker has taken this chunk, so nothing more of it may be recorded here."""


def claim(
    connection: Connection,
    vendor: str,
    window: int,
    *,
    express: int = 0,
    grace_s: float = QUEUE_GRACE_S,
    held_too: bool = True,
) -> list[int]:
    """Queue the due chunks of a vendor so that at most `window` are queued or leased, in turn between requests.

    Whose request has least out goes first, of those that are level the small ones (one chunk's worth of people), then
    chance decides. `express` more are for small requests with nothing out, so that they need not wait for room. Of very
    many requests that are due, LOOKED_AT are considered, in turn from one claim to the next, and the newest.

    One dispatcher at a time works for a vendor, so that the window holds. A held vendor gets one chunk when its probe
    is due, and none otherwise or where `held_too` is not set. A chunk that no worker takes up within `grace_s` is due
    again. Returns chunk ids; the caller sends a message for each after committing.
    """
    row = connection.execute(_LOCK_VENDOR, {"vendor": vendor}).one_or_none()
    if row is None or not row.may_send or (row.held and not held_too):
        return []
    if row.held:
        window, express = 1, 0
    room = window - connection.execute(_OUT, {"vendor_id": row.id}).scalar_one()
    most = room + express
    if most <= 0:
        return []
    share = {"vendor_id": row.id, "grace_s": grace_s}
    looked_at = _next_due(connection, row.id, (row.turn_due_at, row.turn))
    due = {"due_at": [due_at for due_at, _ in looked_at], "requests": [request_id for _, request_id in looked_at]}
    ids = list(connection.execute(_CLAIM, {**share, **due, "room": room, "most": most}).scalars())
    if room > len(ids):
        ids += connection.execute(_CLAIM_VERIFICATIONS, {**share, "room": room - len(ids)}).scalars()
    if row.held and ids:
        connection.execute(_PROBING, {"vendor_id": row.id, "grace_s": grace_s})
    return ids


Due = tuple[datetime, int]
"""When chunks are due, and of which request: those of a request that has just come in are due at the same moment."""


def _next_due(connection: Connection, vendor_id: int, turn: Due) -> list[Due]:
    """What is due at a vendor: that whose turn it is, after `turn`, and the newest. What is due later is not met on the
    way, however much it is."""
    here = {"vendor_id": vendor_id, "turn_due_at": turn[0], "turn": turn[1]}
    walked = [(row.due_at, row.request_id) for row in connection.execute(_WALK_ON, {**here, "steps": LOOKED_AT})]
    back = connection.execute(_WALK_BACK, {"vendor_id": vendor_id, "steps": NEWEST})
    newest = [(row.due_at, row.request_id) for row in back]
    turn_after = walked[-1] if len(walked) == LOOKED_AT else FIRST_TURN
    if turn_after != turn:
        connection.execute(_PASS_TURN, {**here, "turn_due_at": turn_after[0], "turn": turn_after[1]})
    return list(dict.fromkeys([*walked, *newest]))


FIRST_TURN: Due = (datetime.fromtimestamp(0, UTC), 0)


def _walk(following: str, order: str) -> TextClause:
    # One probe of the index for each moment of a request, however many chunks of it are due then.
    step = """
        SELECT due_at, request_id FROM chunks
        WHERE vendor_id = :vendor_id AND purpose = 'deliver' AND state <> 'closed' AND due_at <= now() AND {condition}
        ORDER BY due_at {order}, request_id {order} LIMIT 1
    """
    begin = "(due_at, request_id) > (:turn_due_at, :turn)" if following == ">" else "true"
    first = step.format(condition=begin, order=order)
    onward = step.format(condition=f"(due_at, request_id) {following} (walked.due_at, walked.request_id)", order=order)
    return text(f"""
        WITH RECURSIVE walked (due_at, request_id, step) AS (
            SELECT due_at, request_id, 1 FROM ({first}) AS first
            UNION ALL
            SELECT next.due_at, next.request_id, step + 1
            FROM walked CROSS JOIN LATERAL ({onward}) AS next WHERE step < :steps)
        SELECT due_at, request_id FROM walked ORDER BY step
    """)


_WALK_ON = _walk(">", "ASC")
_WALK_BACK = _walk("<", "DESC")
_PASS_TURN = text("UPDATE vendors SET turn_due_at = :turn_due_at, turn = :turn WHERE id = :vendor_id")
_LOCK_VENDOR = text("""
    SELECT id, turn_due_at, turn, held_at IS NOT NULL AS held,
        held_at IS NULL OR COALESCE(probe_at <= now(), false) AS may_send
    FROM vendors WHERE name = :vendor AND enabled
    FOR NO KEY UPDATE -- which a new chunk of this vendor need not wait for
""")
_PROBING = text("UPDATE vendors SET probe_at = now() + make_interval(secs => :grace_s) WHERE id = :vendor_id")
_OUT = text("""
    SELECT count(*) FROM chunks WHERE vendor_id = :vendor_id AND state IN ('queued', 'leased') AND due_at > now()
""")
_CLAIM = text("""
    WITH out AS (
        SELECT request_id, count(*) AS chunks FROM chunks
        WHERE vendor_id = :vendor_id AND state IN ('queued', 'leased') AND due_at > now()
        GROUP BY request_id),
    due AS (
        SELECT due.id, requests.subjects <= vendors.chunk_people AS small,
            COALESCE(out.chunks, 0) + row_number() OVER (PARTITION BY requests.id ORDER BY due.due_at, due.id) AS turn
        FROM unnest(CAST(:due_at AS timestamptz[]), CAST(:requests AS bigint[])) AS looked_at (due_at, request_id)
        JOIN requests ON requests.id = looked_at.request_id
        JOIN vendors ON vendors.id = :vendor_id
        LEFT JOIN out ON out.request_id = requests.id
        CROSS JOIN LATERAL (
            SELECT id, due_at FROM chunks
            WHERE vendor_id = :vendor_id AND due_at = looked_at.due_at AND request_id = looked_at.request_id
                AND purpose = 'deliver' AND state <> 'closed'
            ORDER BY due_at, request_id, id LIMIT :most) AS due
        WHERE requests.status = 'running' AND requests.not_before <= now()),
    placed AS (
        SELECT id, turn, small, row_number() OVER (ORDER BY turn, small DESC, random()) AS place FROM due),
    queued AS (
        UPDATE chunks
        SET state = 'queued', lease = NULL, holder = NULL, due_at = now() + make_interval(secs => :grace_s)
        WHERE id IN (
            SELECT id FROM chunks
            WHERE id IN (SELECT id FROM placed WHERE place <= :room OR (place <= :most AND small AND turn = 1))
                AND CAST(state AS text) <> 'closed' AND due_at <= now()
            FOR UPDATE SKIP LOCKED)
        RETURNING id)
    SELECT id FROM placed JOIN queued USING (id) ORDER BY place
""")
_CLAIM_VERIFICATIONS = text("""
    UPDATE chunks SET state = 'queued', lease = NULL, holder = NULL, due_at = now() + make_interval(secs => :grace_s)
    WHERE id IN (
        SELECT id FROM chunks
        WHERE vendor_id = :vendor_id AND purpose = 'verify' AND state <> 'closed' AND due_at <= now()
        ORDER BY due_at, id LIMIT :room
        FOR UPDATE SKIP LOCKED)
    RETURNING id
""")


def lease(connection: Connection, chunk_id: int, *, lease_s: float, holder: str, masters: MasterKeys) -> Lease | None:
    """Take up a queued chunk; None where someone else has, or where it is no longer queued.

    `holder` names the worker, so that what it held can be released when it is known to be gone.

    Raises ledger.sealing.UnsealError.
    """
    lease_id = uuid4()
    row = connection.execute(
        _LEASE, {"chunk_id": chunk_id, "lease": lease_id, "lease_s": lease_s, "holder": holder}
    ).one_or_none()
    if row is None:
        return None
    key = SealingKey(masters.open(row.data_key, key_context(row.public_id)))
    return Lease(
        id=lease_id,
        chunk_id=chunk_id,
        request_id=row.request_id,
        vendor_id=row.vendor_id,
        vendor=row.vendor,
        kind=Kind(row.kind),
        first_line=row.first_line,
        last_line=row.last_line,
        round=row.round,
        purpose=Purpose(row.purpose),
        starts=row.starts,
        lost=row.lost - 1,
        setbacks=tuple(Setback(attempts, since, due, tuple(lines)) for attempts, since, due, lines in row.setbacks),
        options=key.open(row.options, options_context(row.public_id)),
        key=key,
    )


# By its id: compared as it is, `state` would let the planner read through an index of all that is open, which it takes
# for empty when a large request has just come in.
_LEASE = text("""
    UPDATE chunks
    SET state = 'leased', lease = :lease, holder = :holder, starts = starts + 1, lost = lost + 1,
        due_at = now() + make_interval(secs => :lease_s)
    FROM requests, vendors
    WHERE chunks.id = :chunk_id AND CAST(chunks.state AS text) = 'queued'
        AND (requests.status = 'running' OR chunks.purpose = 'verify')
        AND requests.id = chunks.request_id AND vendors.id = chunks.vendor_id
    RETURNING chunks.request_id, chunks.vendor_id, vendors.name AS vendor, requests.kind, requests.public_id,
        requests.data_key, requests.options, chunks.first_line, chunks.last_line, chunks.round, chunks.purpose,
        chunks.starts, chunks.lost,
        chunks.setbacks
""")


def renew(connection: Connection, held: Lease, lease_s: float) -> bool:
    """Prolong a lease, and lock its chunk until the caller commits; whether its request still stands, uncancelled.

    Raises LeaseLostError.
    """
    row = connection.execute(_RENEW, {"chunk_id": held.chunk_id, "lease": held.id, "lease_s": lease_s}).one_or_none()
    if row is None:
        raise LeaseLostError
    return bool(row.stands)


_RENEW = text("""
    UPDATE chunks SET due_at = now() + make_interval(secs => :lease_s)
    FROM requests
    WHERE chunks.id = :chunk_id AND chunks.lease = :lease AND requests.id = chunks.request_id
    RETURNING requests.status <> 'cancelled' AS stands
""")


def close(connection: Connection, held: Lease) -> None:
    """Everyone in the chunk is settled. Raises LeaseLostError."""
    _move(connection, held, "state = 'closed', lease = NULL, holder = NULL")


def put_back(connection: Connection, held: Lease, *, delay_s: float, setbacks: Sequence[Setback]) -> None:
    """Give the chunk back, due again in `delay_s`; `setbacks` replaces who has failed so far. Raises LeaseLostError."""
    _move(
        connection,
        held,
        """state = 'waiting', lease = NULL, holder = NULL, lost = 0, due_at = now() + make_interval(secs => :delay_s),
        setbacks = CAST(:setbacks AS jsonb)""",
        delay_s=delay_s,
        setbacks=to_json([astuple(setback) for setback in setbacks]).decode(),
    )


def _move(connection: Connection, held: Lease, change: str, **values: Any) -> None:
    statement = text(f"UPDATE chunks SET {change} WHERE id = :chunk_id AND lease = :lease")
    if connection.execute(statement, {"chunk_id": held.chunk_id, "lease": held.id, **values}).rowcount != 1:
        raise LeaseLostError


def release(connection: Connection, holder: str) -> int:
    """Give back what a worker held that is known to be gone; the number of chunks. They are due at once."""
    return connection.execute(_RELEASE, {"holder": holder}).rowcount


_RELEASE = text("""
    UPDATE chunks SET state = 'waiting', lease = NULL, holder = NULL, due_at = now()
    WHERE holder = :holder AND state = 'leased'
""")


def open_verification(connection: Connection, held: Lease, delay_s: float) -> None:
    """Have what was accepted of this chunk read back in `delay_s` seconds; nothing where nobody was."""
    span = {"request_id": held.request_id, "vendor_id": held.vendor_id, "round": held.round}
    lines = {"first_line": held.first_line, "last_line": held.last_line}
    connection.execute(_OPEN_VERIFICATION, {**span, **lines, "delay_s": delay_s})


_OPEN_VERIFICATION = text("""
    INSERT INTO chunks (request_id, vendor_id, first_line, last_line, round, purpose, due_at)
    SELECT :request_id, :vendor_id, :first_line, :last_line, :round + 1, 'verify',
        now() + make_interval(secs => :delay_s)
    WHERE EXISTS (
        SELECT FROM outcomes
        WHERE request_id = :request_id AND vendor_id = :vendor_id AND round = :round
            AND line BETWEEN :first_line AND :last_line AND outcome = 'accepted')
""")
