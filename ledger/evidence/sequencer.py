"""Puts what was logged in order, hashes it and signs where the log stands."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from evidence import checkpoint
from evidence.checkpoint import Checkpoint
from evidence.keys import SigningKey
from evidence.tiles import hashes_in
from ledger.evidence import audit_batches
from ledger.evidence.tiles import LogTree
from ledger.session import driver_of

STEP = 5_000
"""Entries ordered in one transaction."""
DEFAULT_ORIGIN = "consent-worker/{}"
"""The name of a log that the settings give none: with the id of its ledger."""


class Head(NamedTuple):
    """Where the log stands."""

    id: UUID
    origin: str | None
    size: int


def advance(
    connection: Connection, key: SigningKey | None, origin: str | None = None, *, most: int = STEP, wait: bool = False
) -> int:
    """Put entries in order, `most` at most, and sign where the log stands then; returns how many there were.

    None are lost, doubled or reordered if this process dies or several do it at once: they are moved in the caller's
    transaction, which holds the head of the log; 0 where another one does, unless we `wait`. Without a `key` nothing is
    signed. `origin`: the log's name, which counts at its first checkpoint.
    """
    head = _take_head(connection, wait=wait)
    if head is None:
        return 0
    if key is not None:
        _publish(connection, key, _name(head, origin))
    audit_batches.batch(connection)
    tree = LogTree(connection, head.size)
    _order(connection, tree, most)
    if key is not None:
        _sign(connection, tree, key, _name(head, origin))
    return tree.size - head.size


def _take_head(connection: Connection, *, wait: bool) -> Head | None:
    row = connection.execute(_TAKE_HEAD, {"wait": wait}).one_or_none()
    return None if row is None else Head(*row)


_TAKE_HEAD = text("SELECT id, origin, size FROM take_log_head(:wait)")


def _name(head: Head, origin: str | None) -> str:
    return head.origin or origin or DEFAULT_ORIGIN.format(head.id)


def head_of(connection: Connection) -> Head | None:
    """Where the log stands; None before its beginning."""
    row = connection.execute(_HEAD).one_or_none()
    return None if row is None else Head(*row)


_HEAD = text("SELECT id, origin, size FROM log_head")


def _order(connection: Connection, tree: LogTree, most: int) -> None:
    (leaves,) = driver_of(connection).execute(_APPEND, {"most": most}, binary=True)
    if leaves[0]:
        tree.append(hashes_in(leaves[0]))


# In the order in which they were begun: of what ends later, more is in a later call. The ledger makes the entries:
# who calls this can give it none.
_APPEND = """
    SELECT string_agg(sha256('\\x00' || entry), '' ORDER BY place)
    FROM append_log(ARRAY(SELECT id FROM log_pending ORDER BY id LIMIT %(most)s)) WITH ORDINALITY AS made (entry, place)
"""


def _publish(connection: Connection, key: SigningKey, name: str) -> None:
    """A key that signs for the first time is published, and its trigger logs it."""
    connection.execute(_PUBLISH, {"public": key.public.raw, "name": name})


_PUBLISH = text("INSERT INTO signing_keys (public, name) VALUES (:public, :name) ON CONFLICT DO NOTHING")


def is_signed_otherwise(connection: Connection, key: SigningKey) -> bool:
    """Whether another key than this has signed the log as it is, or nobody. A log is signed once at each size: it must
    grow to be signed with this key."""
    last = newest_checkpoint(connection)
    return last is not None and not checkpoint.is_signed(last.signed, [key.public])


def _sign(connection: Connection, tree: LogTree, key: SigningKey, name: str) -> None:
    last = newest_checkpoint(connection)
    if last is not None and last.size == tree.size:
        return
    signed = Checkpoint(name, tree.size, tree.root()).signed(key)
    connection.execute(_KEEP, {"size": tree.size, "origin": name, "signed": signed})


_KEEP = text("SELECT keep_checkpoint_at(:size, :origin, :signed)")


class Signed(NamedTuple):
    """A signed checkpoint, and when it was signed."""

    size: int
    signed: str
    at: datetime


def newest_checkpoint(connection: Connection) -> Signed | None:
    """The last one that was signed; None where none was."""
    row = connection.execute(_NEWEST).one_or_none()
    return None if row is None else Signed(*row)


_NEWEST = text("SELECT size, signed, at FROM log_checkpoints ORDER BY size DESC LIMIT 1")


def take_copy_turn(connection: Connection) -> bool:
    """Take the turn to write the log's copy until the caller commits; False where another process has it."""
    return bool(connection.execute(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _COPY}).scalar())


_COPY = 0x6C6F6720636F7079
"""Copies are written by one process at a time ("log copy")."""


class Published(NamedTuple):
    """A key that has signed: its public half, the name that it signs under, and since when."""

    public: bytes
    name: str
    used_at: datetime


def published_keys(connection: Connection) -> list[Published]:
    """Every key that has ever signed here, newest first."""
    return [Published(*row) for row in connection.execute(_PUBLISHED)]


_PUBLISHED = text("SELECT public, name, used_at FROM signing_keys ORDER BY used_at DESC, public")
