"""Whether the log is whole: every entry in its place, tiles and checkpoints those of the entries."""

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json
from sqlalchemy import Connection, text

from evidence import checkpoint
from evidence.checkpoint import Checkpoint
from evidence.keys import PublicKey
from evidence.merkle import Frontier, leaf_hash, root_of
from evidence.note import NoteError
from evidence.tiles import WIDTH
from ledger.evidence.sequencer import Signed, head_of, published_keys
from ledger.evidence.tiles import LogTree

READ_AT_ONCE = 8 * WIDTH


@dataclass
class Checked:
    """What a check of the log has found."""

    size: int = 0
    faults: list[str] = field(default_factory=list)
    checkpoint: Signed | None = None
    """The newest one."""
    by_unknown_key: bool = False
    """Nobody's key was given that the newest checkpoint is signed with: whoever holds its key could have rewritten the
    log."""


def check_log(connection: Connection, keys: Sequence[PublicKey], witness: Checkpoint | None = None) -> Checked:
    """Recompute the whole log. `keys`: those that may have signed the newest checkpoint, as the caller knows them from
    elsewhere; earlier ones may be signed with any key that the log names. `witness`: a checkpoint that was kept
    elsewhere, and that the log must still begin with."""
    found = Checked()
    head = head_of(connection)
    signed = [Signed(*row) for row in connection.execute(_CHECKPOINTS)]
    published = [PublicKey(one.public) for one in published_keys(connection)]
    expected = dict(_signed_roots(signed, [*keys, *published], found))
    named: set[bytes] = set()
    frontier = Frontier()
    for block in _blocks(connection, found, named):
        _check_tile(connection, frontier.size // WIDTH, block, found)
        for leaf in block:
            _compare(frontier, expected, witness, found)
            frontier.append(leaf)
    _compare(frontier, expected, witness, found)
    found.size = frontier.size
    if head is None or head.size != frontier.size:
        found.faults.append(f"the log has {frontier.size:,} entries, and its head says {head.size if head else 0:,}")
    found.faults += [
        f"a checkpoint at {size:,} entries is past the log's end" for size in expected if size > found.size
    ]
    if witness is not None and witness.size > found.size:
        found.faults.append(
            f"the log has {found.size:,} entries, and had {witness.size:,} when the other copy was made"
        )
    found.faults += ["a signing key is published that the log does not name"] * any(
        key.raw not in named for key in published
    )
    found.checkpoint = signed[-1] if signed else None
    if found.checkpoint is not None:
        found.by_unknown_key = not _is_signed(found.checkpoint.signed, keys)
    return found


def begins_with(connection: Connection, there: Checkpoint) -> bool:
    """Whether the log still begins with what it was at this checkpoint. It reads full tiles, and no more entries than a
    tile has."""
    head = head_of(connection)
    return head is not None and there.size <= head.size and LogTree(connection, there.size).root() == there.root


def _is_signed(signed: str, keys: Sequence[PublicKey]) -> bool:
    try:
        checkpoint.verified(signed, keys)
    except NoteError:
        return False
    return True


def _signed_roots(signed: Sequence[Signed], keys: Sequence[PublicKey], found: Checked) -> Iterator[tuple[int, bytes]]:
    for one in signed:
        try:
            read = checkpoint.verified(one.signed, keys)
        except NoteError as error:
            found.faults.append(f"the checkpoint at {one.size:,} entries: {error}")
            continue
        if read.size != one.size:
            found.faults.append(f"the checkpoint at {one.size:,} entries is one of {read.size:,}")
        yield read.size, read.root


def _compare(frontier: Frontier, expected: Mapping[int, bytes], witness: Checkpoint | None, found: Checked) -> None:
    if frontier.size in expected and expected[frontier.size] != frontier.root():
        found.faults.append(f"the first {frontier.size:,} entries are not those that were signed")
    if witness is not None and frontier.size == witness.size and witness.root != frontier.root():
        found.faults.append(f"the first {frontier.size:,} entries are not those of the other copy")


def _blocks(connection: Connection, found: Checked, named: set[bytes]) -> Iterator[list[bytes]]:
    """The leaves of the log, as many as a tile has. `named`: gets the signing keys that it names."""
    index, block = 0, list[bytes]()
    streaming: Any = connection.execution_options(yield_per=READ_AT_ONCE)
    for row in streaming.execute(_ENTRIES):
        if row.place != index:
            found.faults.append(f"entry {index:,} is missing")
        index = row.place + 1
        _check_columns(row, found, named)
        block.append(leaf_hash(row.entry))
        if len(block) == WIDTH:
            yield block
            block = []
    yield block


def _check_columns(row: Any, found: Checked, named: set[bytes]) -> None:
    try:
        content = from_json(row.entry)
        request = str(row.request) if row.request else None
        beside = (row.type, request, row.row_id)
        if (content["type"], content.get("request"), content.get("row")) != beside:
            found.faults.append(f"entry {row.place:,} is not what stands beside it")
        if row.type == "signing_key":
            named.add(b64decode(content["public"], validate=True))
    except (ValueError, KeyError, TypeError):
        found.faults.append(f"entry {row.place:,} cannot be read")


def _check_tile(connection: Connection, number: int, block: list[bytes], found: Checked) -> None:
    if len(block) < WIDTH:
        return
    stored = connection.execute(_TILE, {"number": number}).one_or_none()
    if stored is None or stored.hashes != b"".join(block) or stored.root != root_of(block):
        found.faults.append(f"tile {number:,} is not that of its entries")


_CHECKPOINTS = text("SELECT size, signed, at FROM log_checkpoints ORDER BY size")
_ENTRIES = text("SELECT index AS place, type, request, row_id, entry FROM log_entries ORDER BY index")
_TILE = text("SELECT hashes, root FROM log_tiles WHERE level = 0 AND number = :number")
