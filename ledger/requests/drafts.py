"""Files that were dropped into the console and not submitted yet. Each is its creator's alone, sealed in blocks under a
key of its own, and destroyed when it is submitted or its hour is over."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid4

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from ledger.contexts import draft_block_context, draft_key_context, draft_state_context
from ledger.limits import unhurried
from ledger.sealing import MasterKeys, SealingKey
from ledger.session import Engine

LASTS_S = 3_600.0
MOST_OF_ONE = 10
"""Drafts that one person may have at a time."""
BLOCK_BYTES = 262_144


class Source(Protocol):
    """A file to store."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, `size` at most; none at the end only."""


class TooManyDraftsError(Exception):
    """One person has MOST_OF_ONE drafts: submit or discard one."""


class DraftsTooLargeError(Exception):
    """With this file the drafts of one person take more than they may."""


class EmptyFileError(Exception):
    """There is nothing in the file."""


class DraftBusyError(Exception):
    """Another process is submitting the draft, and takes longer than the patience of `session.connect`."""


class DraftGoneError(Exception):
    """The draft was submitted or discarded, or its hour is over."""


@dataclass(frozen=True)
class Draft:
    """A draft of somebody. `size`: in bytes. `request`: what it was submitted as; then nothing else is left of it.
    `state`: what was kept with the file."""

    id: int
    public_id: UUID
    created_by: str
    expires_at: datetime
    size: int
    blocks: int
    request: UUID | None
    key: SealingKey | None = field(repr=False)
    state: bytes = field(repr=False)


def store(
    connection: Connection, file: Source, *, by: str, state: bytes, masters: MasterKeys, most_bytes: int
) -> Draft:
    """Seal a file while it is read, a block at a time; all of it is kept when the caller commits. `most_bytes`: so much
    may all drafts of one person be.

    Raises TooManyDraftsError, before the file is read; DraftsTooLargeError; EmptyFileError; whatever the file raises.
    """
    unhurried(connection)  # a file takes as long as its sender does
    count, taken = connection.execute(_HAS, {"by": by}).one()
    if count >= MOST_OF_ONE:
        raise TooManyDraftsError
    public_id, key = uuid4(), SealingKey.generate()
    row = connection.execute(
        _ADD,
        {
            "public_id": public_id,
            "by": by,
            "lasts_s": LASTS_S,
            "data_key": masters.seal(key.raw, draft_key_context(public_id)),
            "state": key.seal(state, draft_state_context(public_id)),
        },
    ).one()
    size = blocks = 0
    for blocks, block in enumerate(_blocks(file), start=1):
        size += len(block)
        if taken + size > most_bytes:
            raise DraftsTooLargeError
        sealed = key.seal(block, draft_block_context(public_id, blocks))
        connection.execute(_ADD_BLOCK, {"id": row.id, "place": blocks, "sealed": sealed})
    if not size:
        raise EmptyFileError
    connection.execute(_NOTE_SIZE, {"id": row.id, "bytes": size, "blocks": blocks, "lasts_s": LASTS_S})
    return Draft(row.id, public_id, by, row.expires_at, size, blocks, None, key, state)


def _blocks(file: Source) -> Iterator[bytes]:
    """The file in blocks of BLOCK_BYTES, however little each reading gives."""
    block = bytearray()
    while piece := file.read(BLOCK_BYTES - len(block)):
        block += piece
        if len(block) == BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def find(connection: Connection, public_id: UUID, *, by: str, masters: MasterKeys) -> Draft | None:
    """A draft of this person; None where they have none of this id, or its hour is over. Raises
    ledger.sealing.UnsealError."""
    row = connection.execute(_FIND, {"public_id": public_id, "by": by}).one_or_none()
    if row is None:
        return None
    if row.data_key is None:
        return Draft(row.id, public_id, by, row.expires_at, row.bytes, 0, row.request, None, b"")
    key = SealingKey(masters.open(row.data_key, draft_key_context(public_id)))
    state = key.open(row.state, draft_state_context(public_id))
    return Draft(row.id, public_id, by, row.expires_at, row.bytes, row.blocks, None, key, state)


def drafts_of(connection: Connection, by: str) -> list[tuple[UUID, int, datetime]]:
    """The drafts of one person that can be submitted: id, bytes, and when they are destroyed."""
    return [(row.public_id, row.bytes, row.expires_at) for row in connection.execute(_OF_ONE, {"by": by})]


def keep_state(connection: Connection, draft: Draft, state: bytes, *, unless_changed: bool = False) -> None:
    """Keep this with the file, in place of what was kept. `unless_changed`: only where that is still `draft.state`.
    Raises DraftGoneError."""
    present = connection.execute(_LOCK_STATE, {"id": draft.id}).scalar_one_or_none()
    if draft.key is None or present is None:
        raise DraftGoneError
    context = draft_state_context(draft.public_id)
    if not unless_changed or draft.key.open(present, context) == draft.state:
        connection.execute(_KEEP_STATE, {"id": draft.id, "state": draft.key.seal(state, context)})


def submitted(connection: Connection, draft: Draft, request: UUID) -> None:
    """Destroy a draft that becomes this request, in the same transaction. Another process that does the same waits for
    the end of this one. Raises DraftGoneError, DraftBusyError."""
    _destroy(connection, draft, request)


def discard(connection: Connection, draft: Draft) -> None:
    """Destroy a draft that nobody wants. Raises DraftGoneError, DraftBusyError."""
    _destroy(connection, draft, None)


def _destroy(connection: Connection, draft: Draft, request: UUID | None) -> None:
    try:
        destroyed = connection.execute(_DESTROY_KEY, {"id": draft.id, "request": request}).rowcount
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            raise DraftBusyError from None
        raise
    if not destroyed:
        raise DraftGoneError
    unhurried(connection)
    connection.execute(_DROP_BLOCKS, {"id": draft.id})
    if request is None:
        connection.execute(_DROP, {"id": draft.id})


class DraftFile:
    """The file of a draft, opened a block at a time. No transaction stays open in between."""

    def __init__(self, engine: Engine, draft: Draft) -> None:
        self._engine, self._draft = engine, draft
        self._block, self._at, self._place = b"", 0, 0

    def read(self, size: int, /) -> bytes:
        """As of a file. Raises DraftGoneError, never ends early; ledger.sealing.UnsealError."""
        if self._at == len(self._block) and self._place < self._draft.blocks:
            self._block, self._at = self._next(), 0
        piece = self._block[self._at : self._at + size]
        self._at += len(piece)
        return piece

    def _next(self) -> bytes:
        self._place += 1
        with self._engine.connect() as connection:
            sealed = connection.execute(_BLOCK, {"id": self._draft.id, "place": self._place}).scalar_one_or_none()
        if sealed is None or self._draft.key is None:
            raise DraftGoneError
        return self._draft.key.open(sealed, draft_block_context(self._draft.public_id, self._place))


def drop_expired(connection: Connection, most_blocks: int) -> int:
    """Destroy the keys of drafts whose hour is over, then their blocks, so many at most, then the drafts; returns how
    many blocks there were. Drafts that are being submitted are left alone."""
    connection.execute(_DESTROY_EXPIRED_KEYS)
    dropped = connection.execute(_DROP_SOME_BLOCKS, {"most": most_blocks}).rowcount
    connection.execute(_DROP_EXPIRED)
    return dropped


_LIVES = "data_key IS NOT NULL AND expires_at > now()"
_HAS = text(f"SELECT count(*), COALESCE(sum(bytes), 0) FROM drafts WHERE created_by = :by AND {_LIVES}")
_ADD = text("""
    INSERT INTO drafts (public_id, created_by, expires_at, data_key, state)
    VALUES (:public_id, :by, now() + make_interval(secs => :lasts_s), :data_key, :state) RETURNING id, expires_at
""")
_ADD_BLOCK = text("INSERT INTO draft_blocks (draft_id, place, sealed) VALUES (:id, :place, :sealed)")
# The hour begins when all of it is there.
_NOTE_SIZE = text("""
    UPDATE drafts SET bytes = :bytes, blocks = :blocks, expires_at = clock_timestamp() + make_interval(secs => :lasts_s)
    WHERE id = :id
""")
_FIND = text("""
    SELECT id, expires_at, data_key, state, bytes, blocks, request FROM drafts
    WHERE public_id = :public_id AND created_by = :by AND expires_at > now()
""")
_OF_ONE = text(f"""
    SELECT public_id, bytes, expires_at FROM drafts WHERE created_by = :by AND {_LIVES} ORDER BY id DESC
""")
_LOCK_STATE = text("SELECT state FROM drafts WHERE id = :id AND data_key IS NOT NULL FOR UPDATE")
_KEEP_STATE = text("UPDATE drafts SET state = :state WHERE id = :id")
_DESTROY_KEY = text("""
    UPDATE drafts SET data_key = NULL, state = NULL, request = :request WHERE id = :id AND data_key IS NOT NULL
""")
_DROP_BLOCKS = text("DELETE FROM draft_blocks WHERE draft_id = :id")
_DROP = text("DELETE FROM drafts WHERE id = :id")
_BLOCK = text("SELECT sealed FROM draft_blocks WHERE draft_id = :id AND place = :place")
_DESTROY_EXPIRED_KEYS = text("""
    UPDATE drafts SET data_key = NULL, state = NULL WHERE id = ANY(ARRAY(
        SELECT id FROM drafts WHERE expires_at <= now() AND data_key IS NOT NULL FOR UPDATE SKIP LOCKED))
""")
_DROP_SOME_BLOCKS = text("""
    DELETE FROM draft_blocks USING (
        SELECT draft_id, place FROM drafts JOIN draft_blocks ON draft_id = drafts.id
        WHERE data_key IS NULL LIMIT :most) AS unreadable
    WHERE draft_blocks.draft_id = unreadable.draft_id AND draft_blocks.place = unreadable.place
""")
_DROP_EXPIRED = text("""
    DELETE FROM drafts
    WHERE expires_at <= now() AND data_key IS NULL AND NOT EXISTS (SELECT FROM draft_blocks WHERE draft_id = drafts.id)
""")
