"""Requests in the ledger: recorded whole or not at all, found again, closed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from domain.chunking import cut
from domain.requests import Kind, Subject
from ledger.people import Counted, Prints, add_people
from ledger.sealing import MasterKeys, SealingKey
from ledger.vendors import Vendor


@dataclass(frozen=True)
class NewRequest:
    """A request to be recorded."""

    kind: Kind
    vendors: Sequence[Vendor]
    options: bytes = field(repr=False)
    """JSON, by vendor; sealed like the people, for attribute values can be personal."""
    session_vendors: frozenset[str] = frozenset()
    idempotency_key: str | None = field(default=None, repr=False)


class Recorded(NamedTuple):
    """A request that is on record."""

    public_id: UUID
    people: int
    duplicates: int


class NothingToDoError(Exception):
    """A request without a single person."""


class KeyTakenError(Exception):
    """Another request was recorded under this idempotency key in the meantime."""


def record(
    connection: Connection, new: NewRequest, people: Iterable[Subject], *, masters: MasterKeys, prints: Prints
) -> Recorded:
    """Write a request, its people and its chunks. All of it stands when the caller commits, none of it before.

    Raises NothingToDoError; KeyTakenError, before reading anybody; whatever `people` raises.
    """
    public_id, key = uuid4(), SealingKey.generate()
    request_id: int | None = connection.execute(
        _INSERT,
        {
            "public_id": public_id,
            "kind": new.kind.value,
            "vendor_ids": [vendor.id for vendor in new.vendors],
            "data_key": masters.seal(key.raw, key_context(public_id)),
            "options": key.seal(new.options, options_context(public_id)),
            "idempotency_key": new.idempotency_key,
        },
    ).scalar_one_or_none()
    if request_id is None:
        raise KeyTakenError
    sessions = {vendor.name: vendor.id for vendor in new.vendors if vendor.name in new.session_vendors}
    counted = add_people(connection, request_id, people, key=key, prints=prints, session_vendors=sessions)
    if not counted.lines:
        raise NothingToDoError
    _cut_into_chunks(connection, request_id, new.vendors, counted)
    connection.execute(
        _RUN,
        {
            "id": request_id,
            "subjects": counted.people,
            "duplicates": counted.lines - counted.people,
            "digest": counted.digest,
        },
    )
    return Recorded(public_id, counted.people, counted.lines - counted.people)


def key_context(public_id: UUID) -> bytes:
    """What a request's wrapped data key is bound to."""
    return b"data-key:" + public_id.bytes


def options_context(public_id: UUID) -> bytes:
    """What a request's sealed options are bound to."""
    return b"options:" + public_id.bytes


_INSERT = text("""
    INSERT INTO requests (public_id, kind, vendor_ids, data_key, options, idempotency_key, due_at)
    VALUES (:public_id, :kind, CAST(:vendor_ids AS smallint[]), :data_key, :options, :idempotency_key,
            now() + interval '1 month') -- GDPR Art. 12(3)
    ON CONFLICT (idempotency_key) DO NOTHING
    RETURNING id
""")
_RUN = text("""
    UPDATE requests
    SET status = 'running', subjects = :subjects, duplicates = :duplicates, content_digest = :digest
    WHERE id = :id
""")


def _cut_into_chunks(connection: Connection, request_id: int, vendors: Sequence[Vendor], counted: Counted) -> None:
    for vendor in vendors:
        spans = list(cut(counted.lines, vendor.chunk_people))
        connection.execute(
            _INSERT_CHUNKS,
            {
                "request_id": request_id,
                "vendor_id": vendor.id,
                "first_lines": [span.first for span in spans],
                "last_lines": [span.last for span in spans],
            },
        )


_INSERT_CHUNKS = text("""
    INSERT INTO chunks (request_id, vendor_id, first_line, last_line)
    SELECT :request_id, :vendor_id, first_line, last_line
    FROM unnest(CAST(:first_lines AS integer[]), CAST(:last_lines AS integer[])) AS span (first_line, last_line)
""")


class Earlier(NamedTuple):
    """The request that an idempotency key already stands for, and a digest of what was submitted."""

    recorded: Recorded
    kind: Kind
    vendor_ids: list[int]
    options: bytes
    digest: bytes

    def __repr__(self) -> str:
        return f"Earlier(recorded={self.recorded})"


def find_by_idempotency_key(connection: Connection, key: str, masters: MasterKeys) -> Earlier | None:
    """The request submitted under this key, if any. Raises ledger.sealing.UnsealError."""
    row = connection.execute(_BY_IDEMPOTENCY_KEY, {"key": key}).one_or_none()
    if row is None:
        return None
    data_key = SealingKey(masters.open(row.data_key, key_context(row.public_id)))
    return Earlier(
        Recorded(row.public_id, row.subjects, row.duplicates),
        Kind(row.kind),
        list(row.vendor_ids),
        data_key.open(row.options, options_context(row.public_id)),
        row.content_digest,
    )


_BY_IDEMPOTENCY_KEY = text("""
    SELECT public_id, kind, vendor_ids, subjects, duplicates, data_key, options, content_digest
    FROM requests WHERE idempotency_key = :key
""")


def close_settled(connection: Connection, request_id: int | None = None) -> int:
    """Close running requests whose last chunk is closed, that one or all; the number closed."""
    return connection.execute(_CLOSE, {"request_id": request_id}).rowcount


_CLOSE = text("""
    UPDATE requests
    SET closed_at = now(),
        status = CASE WHEN EXISTS (
                SELECT FROM tallies
                WHERE tallies.request_id = requests.id AND deliveries > 0
                    AND outcome IN ('refused', 'needs_action', 'exhausted'))
            THEN CAST('completed_with_exceptions' AS request_status)
            ELSE CAST('completed' AS request_status) END
    WHERE status = 'running' AND (CAST(:request_id AS bigint) IS NULL OR id = :request_id)
        AND NOT EXISTS (SELECT FROM chunks WHERE chunks.request_id = requests.id AND state <> 'closed')
""")
