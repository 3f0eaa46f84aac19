"""Chunks in the ledger: queued fairly, leased to one worker at a time, closed or put back."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from typing import Any
from uuid import UUID, uuid4

from pydantic_core import to_json
from sqlalchemy import Connection, text

from domain.requests import Kind
from domain.retry import Setback
from ledger.requests import key_context, options_context
from ledger.sealing import MasterKeys, SealingKey

QUEUE_GRACE_S = 30.0
"""A chunk whose message was lost on the way to a worker is queued again after this long."""


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
    starts: int
    setbacks: tuple[Setback, ...]
    options: bytes = field(repr=False)
    key: SealingKey = field(repr=False)


class LeaseLostError(Exception):
    """Another worker has taken this chunk, so nothing more of it may be recorded here."""


def claim(connection: Connection, vendor: str, window: int) -> list[int]:
    """Queue the due chunks of a vendor so that at most `window` are queued or leased, in turn between requests.

    One dispatcher at a time works for a vendor, so that the window holds. A held vendor gets one chunk when its probe
    is due, and none otherwise. Returns chunk ids; the caller sends a message for each after committing.
    """
    row = connection.execute(_LOCK_VENDOR, {"vendor": vendor}).one_or_none()
    if row is None or not row.may_send:
        return []
    room = connection.execute(_ROOM, {"vendor_id": row.id, "window": 1 if row.held else window}).scalar_one()
    if room <= 0:
        return []
    claimed = connection.execute(_CLAIM, {"vendor_id": row.id, "room": room, "grace_s": QUEUE_GRACE_S})
    ids = [chunk_id for (chunk_id,) in claimed]
    if row.held and ids:
        connection.execute(_PROBING, {"vendor_id": row.id, "grace_s": QUEUE_GRACE_S})
    return ids


_LOCK_VENDOR = text("""
    SELECT id, held_at IS NOT NULL AS held, held_at IS NULL OR COALESCE(probe_at <= now(), false) AS may_send
    FROM vendors WHERE name = :vendor AND enabled FOR UPDATE
""")
_PROBING = text("UPDATE vendors SET probe_at = now() + make_interval(secs => :grace_s) WHERE id = :vendor_id")
_ROOM = text("""
    SELECT :window - count(*) FROM chunks
    WHERE vendor_id = :vendor_id AND state IN ('queued', 'leased') AND due_at > now()
""")
_CLAIM = text("""
    WITH due AS (
        SELECT due.id, requests.id AS of,
            row_number() OVER (PARTITION BY requests.id ORDER BY due.due_at, due.id) AS turn
        FROM requests
        CROSS JOIN LATERAL (
            SELECT id, due_at FROM chunks
            WHERE vendor_id = :vendor_id AND request_id = requests.id AND state <> 'closed' AND due_at <= now()
            ORDER BY due_at, id LIMIT :room
            FOR UPDATE SKIP LOCKED) AS due
        WHERE requests.status = 'running')
    UPDATE chunks SET state = 'queued', lease = NULL, due_at = now() + make_interval(secs => :grace_s)
    WHERE id IN (SELECT id FROM due ORDER BY turn, of LIMIT :room)
    RETURNING id
""")


def lease(connection: Connection, chunk_id: int, *, lease_s: float, masters: MasterKeys) -> Lease | None:
    """Take up a queued chunk; None where someone else has, or where it is no longer queued.

    Raises ledger.sealing.UnsealError.
    """
    lease_id = uuid4()
    row = connection.execute(_LEASE, {"chunk_id": chunk_id, "lease": lease_id, "lease_s": lease_s}).one_or_none()
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
        starts=row.starts,
        setbacks=tuple(Setback(attempts, since, due, tuple(lines)) for attempts, since, due, lines in row.setbacks),
        options=key.open(row.options, options_context(row.public_id)),
        key=key,
    )


_LEASE = text("""
    UPDATE chunks
    SET state = 'leased', lease = :lease, due_at = now() + make_interval(secs => :lease_s), starts = starts + 1
    FROM requests, vendors
    WHERE chunks.id = :chunk_id AND chunks.state = 'queued'
        AND requests.id = chunks.request_id AND vendors.id = chunks.vendor_id
    RETURNING chunks.request_id, chunks.vendor_id, vendors.name AS vendor, requests.kind, requests.public_id,
        requests.data_key, requests.options, chunks.first_line, chunks.last_line, chunks.round, chunks.starts,
        chunks.setbacks
""")


def renew(connection: Connection, held: Lease, lease_s: float) -> None:
    """Prolong a lease, and lock its chunk until the caller commits. Raises LeaseLostError."""
    _move(connection, held, "due_at = now() + make_interval(secs => :lease_s)", lease_s=lease_s)


def close(connection: Connection, held: Lease) -> None:
    """Everyone in the chunk is settled. Raises LeaseLostError."""
    _move(connection, held, "state = 'closed', lease = NULL")


def put_back(connection: Connection, held: Lease, *, delay_s: float, setbacks: Sequence[Setback]) -> None:
    """Give the chunk back, due again in `delay_s`; `setbacks` replaces who has failed so far. Raises LeaseLostError."""
    _move(
        connection,
        held,
        """state = 'waiting', lease = NULL, due_at = now() + make_interval(secs => :delay_s),
        setbacks = CAST(:setbacks AS jsonb)""",
        delay_s=delay_s,
        setbacks=to_json([astuple(setback) for setback in setbacks]).decode(),
    )


def _move(connection: Connection, held: Lease, change: str, **values: Any) -> None:
    statement = text(f"UPDATE chunks SET {change} WHERE id = :chunk_id AND lease = :lease")  # noqa: S608 - our own text
    if connection.execute(statement, {"chunk_id": held.chunk_id, "lease": held.id, **values}).rowcount != 1:
        raise LeaseLostError
