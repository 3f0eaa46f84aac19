"""Whether the log is whole: every entry in its place, tiles and checkpoints those of the entries."""

from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic_core import from_json
from sqlalchemy import Connection, text

from evidence import checkpoint
from evidence.checkpoint import Checkpoint
from evidence.keys import PublicKey
from evidence.merkle import Frontier, leaf_hashes, root_of
from evidence.note import NoteError
from evidence.tiles import WIDTH
from ledger.evidence import timestamps
from ledger.evidence.comparing import named
from ledger.evidence.sequencer import Signed, head_of, published_keys
from ledger.evidence.tiles import LogTree
from ledger.session import driver_of

READ_AT_ONCE = 16 * WIDTH
TILES_AT_ONCE = 64


@dataclass
class Checked:
    """What a check of the log has found."""

    size: int = 0
    faults: list[str] = field(default_factory=list)
    checkpoint: Signed | None = None
    """The newest one."""
    by_unknown_key: bool = False
    """The newest checkpoint is signed with a key that was not given: the holder of that key could have rewritten the
    log."""


class _Expected(NamedTuple):
    """The root that the log must have had at this size."""

    size: int
    root: bytes
    whose: str


class _Tile(NamedTuple):
    hashes: bytes
    root: bytes


def check_log(connection: Connection, keys: Sequence[PublicKey], witness: Checkpoint | None = None) -> Checked:
    """Recompute the whole log. `keys`: those that may have signed the newest checkpoint, as the caller knows them from
    elsewhere; earlier ones may be signed with any key that the log names. `witness`: a checkpoint that was kept
    elsewhere, and that the log must still begin with."""
    found = Checked()
    head = head_of(connection)
    signed = [Signed(*row) for row in connection.execute(_CHECKPOINTS)]
    published = published_keys(connection)
    trusted = [*keys, *(PublicKey(one.public) for one in published)]
    stamped = [Signed(one.size, one.signed, one.at) for one in timestamps.stamped(connection)]
    expected = [*_signed_roots([*signed, *stamped], trusted, head.origin if head else None, found)]
    if witness is not None:
        expected.append(_Expected(witness.size, witness.root, "of the other copy"))
    _compare_upper_tiles(connection, _compare_entries(connection, expected, found), found)
    if head is None or head.size != found.size:
        found.faults.append(f"the log has {found.size:,} entries, and its head says {head.size if head else 0:,}")
    past_end = [one.size for one in [*signed, *stamped] if one.size > found.size]
    found.faults += [f"a checkpoint at {size:,} entries is past the log's end" for size in past_end]
    if witness is not None and witness.size > found.size:
        found.faults.append(
            f"the log has {found.size:,} entries, and had {witness.size:,} when the other copy was made"
        )
    if {(one.name, one.public) for one in published} != _keys_named(connection):
        found.faults.append("the signing keys that are published are not those that the log names")
    if head is not None and head.origin is not None and not signed:
        found.faults.append("the log was signed, and no checkpoint is left")
    found.checkpoint = signed[-1] if signed else None
    if found.checkpoint is not None:
        found.by_unknown_key = not checkpoint.is_signed(found.checkpoint.signed, keys)
    return found


def begins_with(connection: Connection, there: Checkpoint) -> bool:
    """Whether the log still begins with what it was at this checkpoint. It reads full tiles, and no more entries than a
    tile has."""
    head = head_of(connection)
    return head is not None and there.size <= head.size and LogTree(connection, there.size).root() == there.root


def _signed_roots(
    signed: Sequence[Signed], keys: Sequence[PublicKey], origin: str | None, found: Checked
) -> Iterator[_Expected]:
    for one in signed:
        try:
            read = checkpoint.verified(one.signed, keys, origin)
        except NoteError as error:
            found.faults.append(f"the checkpoint at {one.size:,} entries: {error}")
            continue
        if read.size != one.size:
            found.faults.append(f"the checkpoint at {one.size:,} entries is one of {read.size:,}")
        yield _Expected(read.size, read.root, "that were signed")


def _compare_entries(connection: Connection, expected: Sequence[_Expected], found: Checked) -> list[bytes]:
    """Reads all entries, compares what was made of them, and returns the roots of the tiles that they fill."""
    roots: list[bytes] = []
    grown = Frontier()  # of these roots, which are complete subtrees of the log's tree
    to_come = sorted(expected, reverse=True)
    stored: dict[int, _Tile] = {}
    for hashes in _leaves_of_tiles(connection, found):
        found.size = len(roots) * WIDTH + len(hashes)
        while to_come and to_come[-1].size <= found.size:
            one = to_come.pop()
            if grown.root(hashes[: one.size - len(roots) * WIDTH]) != one.root:
                found.faults.append(f"the first {one.size:,} entries are not those {one.whose}")
        if len(hashes) == WIDTH:
            root = root_of(hashes)
            if len(roots) not in stored:
                stored = _stored(connection, 0, len(roots), TILES_AT_ONCE)
            if stored.get(len(roots)) != _Tile(b"".join(hashes), root):
                found.faults.append(f"tile {len(roots):,} is not that of its entries")
            roots.append(root)
            grown.append(root)
    return roots


def _leaves_of_tiles(connection: Connection, found: Checked) -> Iterator[list[bytes]]:
    """The hashes of all entries, as many at a time as a tile has; the last ones may be fewer, or none."""
    driver, next_one = driver_of(connection), 0
    hashes: list[bytes] = []
    while rows := driver.execute(_ENTRIES, {"first": next_one, "most": READ_AT_ONCE}, binary=True).fetchall():
        past = rows[-1][0] + 1
        if past - next_one > len(rows):
            missing = next(place for place, row in enumerate(rows, next_one) if row[0] != place)
            found.faults.append(f"entries are missing, the first of them is {missing:,}")
        if others := [index for index, _, as_beside in rows if not as_beside]:
            found.faults.append(f"entries that are not what stands beside them: {named(others)}")
        hashes += leaf_hashes(entry for _, entry, _ in rows)
        full = len(hashes) // WIDTH * WIDTH
        yield from (hashes[place : place + WIDTH] for place in range(0, full, WIDTH))
        del hashes[:full]
        next_one = past
    yield hashes


def _compare_upper_tiles(connection: Connection, roots: Sequence[bytes], found: Checked) -> None:
    """Every tile above the lowest level, and whether there are others. `roots`: of the lowest level's full tiles."""
    level, numbers = 0, {}
    while roots:
        numbers[level] = len(roots)
        level, above = level + 1, list[bytes]()
        stored = _stored(connection, level, 0, len(roots) // WIDTH)
        for place in range(0, len(roots) - WIDTH + 1, WIDTH):
            hashes = roots[place : place + WIDTH]
            above.append(root_of(hashes))
            if stored.get(len(above) - 1) != _Tile(b"".join(hashes), above[-1]):
                found.faults.append(f"tile {len(above) - 1:,} of level {level} is not that of the tiles below")
        roots = above
    if {row.level: row.tiles for row in connection.execute(_NUMBERS)} != numbers:
        found.faults.append("there are other tiles than those of the log's entries")


def _stored(connection: Connection, level: int, first: int, most: int) -> dict[int, _Tile]:
    rows = connection.execute(_TILES, {"level": level, "first": first, "past": first + most})
    return {row.number: _Tile(row.hashes, row.root) for row in rows}


def _keys_named(connection: Connection) -> set[tuple[str, bytes]]:
    """The names and signing keys that the log has."""
    found = set()
    for entry in connection.execute(_KEYS).scalars():
        with suppress(ValueError, KeyError, TypeError):  # of an entry that was changed, which is told elsewhere
            content = from_json(entry)
            found.add((content["name"], b64decode(content["public"], validate=True)))
    return found


_CHECKPOINTS = text("SELECT size, signed, at FROM log_checkpoints ORDER BY size")
# Names and values as canonical JSON writes them. Within a text a quotation mark never follows a comma, so these are
# names; and before "type" stands "logged_at" in every entry, and after "row" stands "type".
_ENTRIES = """
    SELECT index, entry,
        position(convert_to(',"type":"' || type || '"', 'UTF8') IN entry) > 0
        AND request IS NOT NULL = (
            position(convert_to(',"request":"' || COALESCE(CAST(request AS text) || '"', ''), 'UTF8') IN entry) > 0)
        AND row_id IS NOT NULL = (position(convert_to(',"row":' || COALESCE(row_id || ',', ''), 'UTF8') IN entry) > 0)
    FROM log_entries WHERE index >= %(first)s ORDER BY index LIMIT %(most)s
"""
_KEYS = text("""
    SELECT entry FROM log_entries WHERE type = 'signing_key'
    UNION ALL SELECT convert_to(CAST(facts AS text), 'UTF8') FROM log_pending WHERE type = 'signing_key'
""")
_TILES = text("""
    SELECT number, hashes, root FROM log_tiles WHERE level = :level AND number >= :first AND number < :past
""")
_NUMBERS = text("SELECT level, count(*) AS tiles FROM log_tiles GROUP BY level")
