"""Where a request's outcomes stand in the log, and where a line stands among them."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from evidence.merkle import HASH_BYTES, inclusion_path, leaf_hash, root_of
from evidence.outcomes import PERSON_BYTES, leaf, write_deliveries
from evidence.proof import Proof
from evidence.tiles import WIDTH, hashes_in
from ledger.evidence.lines import NoTreeError, Request, Tree, ended_of
from ledger.evidence.outcome_trees import join_upper
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
    deliveries = write_deliveries(ended_of(connection, request, line), rounds=tree.rounds)
    entry = leaf(line, hashed.person, deliveries)
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
    roots: Mapping[int, bytes]
    """Of tiles, by number: at least those that share 256 with the line's, and the last ones."""
    upper: list[bytes]
    """Of each 256 full tiles."""

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
        if height >= 2 * HEIGHT:
            wide = 1 << height - 2 * HEIGHT
            return root_of(self.upper[number * wide : (number + 1) * wide])
        if height >= HEIGHT:
            wide = 1 << height - HEIGHT
            return root_of([self.roots[tile] for tile in range(number * wide, (number + 1) * wide)])
        tile, first = divmod(number << height, WIDTH)
        hashes = self.tile if tile == self.place // WIDTH else self.last_tile
        return root_of(hashes[first : first + (1 << height)])


def _read_tree(connection: Connection, tree: Tree, line: int) -> _Tree:
    tile, last = (line - 1) // WIDTH, (tree.size - 1) // WIDTH
    numbers = _tiles_needed(tree, tile, last)
    values = {"tree_id": tree.id, "tile": tile, "last": last}
    row = connection.execute(_TREE, values | {"numbers": numbers}).one()
    wide, last_wide = (min(WIDTH, tree.size - WIDTH * number) for number in (tile, last))
    widths = [wide * HASH_BYTES, last_wide * HASH_BYTES, wide * PERSON_BYTES, len(numbers) * HASH_BYTES]
    if [len(part or b"") for part in row] != widths:
        raise NoTreeError(f"its hashes are not whole any more: {_SEE}")
    roots = dict(zip(numbers, hashes_in(row.roots), strict=True))
    upper = tree.upper if tree.upper is not None else join_upper([*roots.values()])
    return _Tree(line - 1, hashes_in(row.tile), hashes_in(row.last_tile), row.people, roots, hashes_in(upper or b""))


def _tiles_needed(tree: Tree, tile: int, last: int) -> list[int]:
    if tree.upper is None:
        return list(range(last + 1))
    first, first_of_last = tile - tile % WIDTH, last - last % WIDTH
    return [*range(first, min(first + WIDTH, first_of_last)), *range(first_of_last, last + 1)]


# One row: to read each takes longer than all the rest.
_TREE = text("""
    SELECT string_agg(hashes, '') FILTER (WHERE number = :tile) AS tile,
        string_agg(hashes, '') FILTER (WHERE number = :last) AS last_tile,
        string_agg(people, '') FILTER (WHERE number = :tile) AS people,
        string_agg(root, '' ORDER BY number) AS roots
    FROM outcome_tiles WHERE tree_id = :tree_id AND number = ANY(CAST(:numbers AS integer[]))
""")
