"""Where a request's outcomes stand in the log, and where a line stands among them."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from evidence.merkle import HASH_BYTES, inclusion_path, leaf_hash, root_of
from evidence.outcomes import PERSON_BYTES
from evidence.proof import Proof
from evidence.tiles import WIDTH, hashes_in
from ledger.evidence.lines import NoTreeError, Request, Tree, entry_of
from ledger.evidence.tiles import HEIGHT, LogTree


class Logged(NamedTuple):
    """An entry of the log, with a proof that it is in it."""

    entry: bytes
    proof: Proof


def find_logged(connection: Connection, public_id: UUID, tree: Tree) -> Logged | None:
    """The entry of this tree; None while it is not in order, or not signed."""
    row = connection.execute(_ENTRY, {"public_id": public_id, "row_id": tree.id}).one_or_none()
    if row is None:
        return None
    path = LogTree(connection, row.size).path(row.place)
    return Logged(row.entry, Proof(row.place, tuple(path), row.signed))


_ENTRY = text("""
    SELECT index AS place, entry, size, signed FROM log_entries
    CROSS JOIN (SELECT size, signed FROM log_checkpoints ORDER BY size DESC LIMIT 1) AS newest
    WHERE request = :public_id AND type = 'outcomes' AND row_id = :row_id AND index < size
""")


_SEE = "see `consent audit verify`"


class Line(NamedTuple):
    """A line of a request as it was hashed, and the path from it to the root of the request's tree."""

    leaf: bytes
    path: list[bytes]


def find_line(connection: Connection, request: Request, line: int) -> Line:
    """A line of the last tree. Raises NoTreeError, also where what is on record is not what was hashed; LookupError
    where there is no such line."""
    tree = request.tree
    if tree is None:
        raise NoTreeError("its outcomes were not hashed yet")
    if not 0 < line <= tree.size:
        raise LookupError
    hashed = _read_tree(connection, tree, line)
    entry = entry_of(connection, request, line, hashed.person)
    if leaf_hash(entry) != hashed.leaf:
        raise NoTreeError(f"what is on record of this line is not what was hashed: {_SEE}")
    return Line(entry, inclusion_path(line - 1, tree.size, hashed.complete))


class _Tree(NamedTuple):
    """As much of a request's tree as the path of one line needs."""

    place: int
    """The line's, from 0."""
    tile: list[bytes]
    last_tile: list[bytes]
    people: bytes
    """Of the line's tile."""
    roots: list[bytes]
    """Of all tiles."""

    @property
    def leaf(self) -> bytes:
        """The hash of the line."""
        return self.tile[self.place % WIDTH]

    @property
    def person(self) -> bytes:
        """The hash of who it is."""
        first = self.place % WIDTH * PERSON_BYTES
        return self.people[first : first + PERSON_BYTES]

    def complete(self, height: int, number: int) -> bytes:
        """As `evidence.merkle.Complete` wants it."""
        if height >= HEIGHT:
            wide = 1 << height - HEIGHT
            return root_of(self.roots[number * wide : (number + 1) * wide])
        tile, first = divmod(number << height, WIDTH)
        hashes = self.tile if tile == self.place // WIDTH else self.last_tile
        return root_of(hashes[first : first + (1 << height)])


def _read_tree(connection: Connection, tree: Tree, line: int) -> _Tree:
    values = {"tree_id": tree.id, "tile": (line - 1) // WIDTH, "last": (tree.size - 1) // WIDTH}
    row = connection.execute(_TREE, values).one()
    wide, last_wide = (min(WIDTH, tree.size - WIDTH * values[which]) for which in ("tile", "last"))
    widths = [wide * HASH_BYTES, last_wide * HASH_BYTES, wide * PERSON_BYTES, (values["last"] + 1) * HASH_BYTES]
    if [len(part or b"") for part in row] != widths:
        raise NoTreeError(f"its hashes are not whole any more: {_SEE}")
    return _Tree(line - 1, hashes_in(row.tile), hashes_in(row.last_tile), row.people, hashes_in(row.roots))


# One row: to read each takes longer than all the rest.
_TREE = text("""
    SELECT string_agg(hashes, '') FILTER (WHERE number = :tile) AS tile,
        string_agg(hashes, '') FILTER (WHERE number = :last) AS last_tile,
        string_agg(people, '') FILTER (WHERE number = :tile) AS people,
        string_agg(root, '' ORDER BY number) AS roots
    FROM outcome_tiles WHERE tree_id = :tree_id
""")
