"""Chunks in the ledger: leased to one worker at a time, then closed or put back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from domain.requests import Kind
from domain.retry import Setback
from ledger.contexts import options_context
from ledger.delivery.setbacks import job_context, read_setbacks, write_setbacks
from ledger.delivery.steps import STEP_STATES, StepState, read_step_states
from ledger.keys import open_key
from ledger.sealing import MasterKeys, SealingKey


class Purpose(StrEnum):
    """What a chunk is for."""

    DELIVER = "deliver"
    VERIFY = "verify"  # read back what was accepted


@dataclass(frozen=True, slots=True)
class Lease:
    """A chunk that only this worker may deliver until the lease is over, with what is needed to open its people."""

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
    """How many workers in a row vanished with it before this one."""
    setbacks: tuple[Setback, ...]
    options: bytes = field(repr=False)
    key: SealingKey = field(repr=False)
    people: int = 0
    """How many people the whole request has."""
    steps: Mapping[str, StepState] = field(default_factory=dict)
    """What is known of the vendor's steps."""
    vendor_struck: bool = False
    """Whether a strike is counted against the vendor as a whole."""
    sampled: bool = False
    """Reads back again, as one of a sample, who was verified."""
    leased_at: float = 0.0
    """When it was leased, by PostgreSQL's clock (epoch)."""
    newest_hold: int = 0
    """The number of the newest legal hold then; 0: none was ever made."""
    any_hold: bool = False
    """Whether one was in force."""


class LeaseLostError(Exception):
    """Another worker has leased this chunk, so nothing more of it may be recorded here."""


def lease(
    connection: Connection,
    chunk_id: int,
    *,
    lease_s: float,
    holder: str,
    masters: MasterKeys,
    served: Collection[str] | None = None,
) -> Lease | None:
    """Lease a queued chunk; None where another worker has it, where it is no longer queued, or where its vendor is not
    among those `served` (None: all of them) and it is left to others.

    `holder` names the worker, so that its leases can be released when it is known to be gone.

    Raises ledger.sealing.UnsealError.
    """
    lease_id = uuid4()
    asked = {"chunk_id": chunk_id, "lease": lease_id, "lease_s": lease_s, "holder": holder}
    row = connection.execute(_LEASE, {**asked, "served": sorted(served) if served is not None else None}).one_or_none()
    if row is None:
        return None
    key = open_key(masters, row.public_id, row.data_key)
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
        setbacks=read_setbacks(row.setbacks, key, job_context(row.request_id, row.vendor_id)),
        steps=read_step_states(row.standings),
        vendor_struck=row.vendor_struck,
        options=key.open(row.options, options_context(row.public_id)),
        key=key,
        people=row.subjects,
        sampled=row.sampled,
        leased_at=row.leased_at,
        newest_hold=row.newest_hold,
        any_hold=row.any_hold,
    )


NEWEST_HOLD = "COALESCE((SELECT max(id) FROM legal_holds), 0)"
# Find it by its id. With `state` compared plainly, the planner would read through an index of everything open, which it
# takes for empty when a large request has just arrived.
_LEASE = text(f"""
    UPDATE chunks
    SET state = 'leased', lease = :lease, holder = :holder, starts = starts + 1, lost = lost + 1,
        due_at = now() + make_interval(secs => :lease_s)
    FROM requests, vendors, data_keys
    WHERE chunks.id = :chunk_id AND CAST(chunks.state AS text) = 'queued'
        AND (requests.status = 'running' OR chunks.purpose = 'verify')
        AND requests.id = chunks.request_id AND vendors.id = chunks.vendor_id
        AND data_keys.request_id = chunks.request_id
        AND (CAST(:served AS text[]) IS NULL OR vendors.name = ANY(CAST(:served AS text[])))
    RETURNING chunks.request_id, chunks.vendor_id, vendors.name AS vendor, requests.kind, requests.public_id,
        wrapped AS data_key, requests.options, requests.subjects, chunks.first_line, chunks.last_line, chunks.round,
        chunks.purpose, chunks.sampled,
        chunks.starts, chunks.lost, chunks.setbacks, vendors.strikes > 0 AS vendor_struck,
        ({STEP_STATES} chunks.vendor_id) AS standings,
        CAST(extract(epoch FROM now()) AS double precision) AS leased_at,
        {NEWEST_HOLD} AS newest_hold, EXISTS (SELECT FROM legal_holds WHERE ended_at IS NULL) AS any_hold
""")


def leave_to_others(connection: Connection, chunk_id: int, served: Collection[str], *, delay_s: float) -> None:
    """Queue a chunk again in `delay_s` where its vendor is not among those `served`. It has not begun."""
    connection.execute(_LEAVE, {"chunk_id": chunk_id, "served": sorted(served), "delay_s": delay_s})


_LEAVE = text("""
    UPDATE chunks SET state = 'waiting', due_at = now() + make_interval(secs => :delay_s)
    FROM vendors
    WHERE chunks.id = :chunk_id AND CAST(chunks.state AS text) = 'queued' AND vendors.id = chunks.vendor_id
        AND vendors.name <> ALL(CAST(:served AS text[]))
""")


class Renewed(NamedTuple):
    """What has become of a leased chunk."""

    stands: bool
    """It is still to be delivered: its request was not cancelled, and its vendor not retired."""
    newly_held: bool
    """A legal hold was made since it was leased."""


def renew(connection: Connection, held: Lease, lease_s: float) -> Renewed:
    """Renew a lease, and lock its chunk until the caller commits. Raises LeaseLostError."""
    values = {"chunk_id": held.chunk_id, "lease": held.id, "lease_s": lease_s, "newest_hold": held.newest_hold}
    row = connection.execute(_RENEW, values).one_or_none()
    if row is None:
        raise LeaseLostError
    return Renewed(*row)


_RENEW = text(f"""
    UPDATE chunks SET due_at = now() + make_interval(secs => :lease_s)
    FROM requests, vendors
    WHERE chunks.id = :chunk_id AND chunks.lease = :lease AND requests.id = chunks.request_id
        AND vendors.id = chunks.vendor_id
    RETURNING requests.status <> 'cancelled' AND vendors.retired_at IS NULL, {NEWEST_HOLD} > :newest_hold
""")


def close(connection: Connection, held: Lease) -> None:
    """Close a chunk whose people are all settled. Raises LeaseLostError."""
    _move(connection, held, "state = 'closed', lease = NULL, holder = NULL, setbacks = '[]'")


def put_back(
    connection: Connection, held: Lease, *, delay_s: float, setbacks: Sequence[Setback], still_lost: bool = False
) -> None:
    """Put the chunk back, due again in `delay_s`; `setbacks` replaces the stored ones. `still_lost`: the result of
    people with whom a worker vanished is still unknown. Raises LeaseLostError."""
    _move(
        connection,
        held,
        """state = 'waiting', lease = NULL, holder = NULL, lost = :lost, setbacks = CAST(:setbacks AS jsonb),
        due_at = now() + make_interval(secs => :delay_s)""",
        delay_s=delay_s,
        lost=held.lost if still_lost else 0,
        setbacks=_written(held, setbacks),
    )


def keep_setbacks(connection: Connection, held: Lease, setbacks: Sequence[Setback]) -> None:
    """Store these while the chunk is under way, so that they are known after a crash. Raises LeaseLostError."""
    _move(connection, held, "setbacks = CAST(:setbacks AS jsonb)", setbacks=_written(held, setbacks))


def _written(held: Lease, setbacks: Sequence[Setback]) -> str:
    return write_setbacks(setbacks, held.key, job_context(held.request_id, held.vendor_id))


def _move(connection: Connection, held: Lease, change: str, **values: Any) -> None:
    statement = text(f"UPDATE chunks SET {change} WHERE id = :chunk_id AND lease = :lease")
    if connection.execute(statement, {"chunk_id": held.chunk_id, "lease": held.id, **values}).rowcount != 1:
        raise LeaseLostError


def release(connection: Connection, holder: str) -> int:
    """Put back the chunks of a worker that is known to be gone; returns how many. They are due at once."""
    return connection.execute(_RELEASE, {"holder": holder}).rowcount


_RELEASE = text("""
    UPDATE chunks SET state = 'waiting', lease = NULL, holder = NULL, due_at = now()
    WHERE holder = :holder AND state = 'leased'
""")


def open_verification(connection: Connection, held: Lease, delay_s: float) -> None:
    """Read back what was accepted of this chunk in `delay_s` seconds; nothing where nobody was accepted."""
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
