"""Where a request's outcomes stand in the log, and where a line stands among them."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from evidence.merkle import inclusion_path, leaf_hash, root_of
from evidence.proof import Proof
from evidence.tiles import WIDTH, hashes_in
from ledger.evidence.lines import NoTreeError, Request, Tree, read
from ledger.evidence.sequencer import newest_checkpoint
from ledger.evidence.tiles import HEIGHT, LogTree


class Logged(NamedTuple):
    """An entry of the log, with a proof that it is in it."""

    entry: bytes
    proof: Proof


def find_logged(connection: Connection, public_id: UUID, tree: Tree) -> Logged | None:
    """The entry of this tree; None while it is not in order, or not signed."""
    row = connection.execute(_ENTRY, {"public_id": public_id, "row_id": tree.id}).one_or_none()
    newest = newest_checkpoint(connection)
    if row is None or newest is None or newest.size <= row.place:
        return None
    path = LogTree(connection, newest.size).path(row.place)
    return Logged(row.entry, Proof(row.place, tuple(path), newest.signed))


_ENTRY = text("""
    SELECT index AS place, entry FROM log_entries WHERE request = :public_id AND type = 'outcomes' AND row_id = :row_id
""")


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
    (block,) = read(connection, [request], None, line, line)
    hashes = _Tiles(connection, tree)
    if leaf_hash(block.entries[0]) != hashes.tile((line - 1) // WIDTH)[(line - 1) % WIDTH]:
        raise NoTreeError("what is on record of this line is not what was hashed: see `consent audit verify`")
    return Line(block.entries[0], inclusion_path(line - 1, tree.size, hashes.complete))


class _Tiles:
    """The tree of a request, read as far as it is asked for."""

    def __init__(self, connection: Connection, tree: Tree) -> None:
        self._connection, self._tree = connection, tree
        self._tiles: dict[int, list[bytes]] = {}
        self._roots: Sequence[bytes] = ()

    def tile(self, number: int) -> list[bytes]:
        if number not in self._tiles:
            values: dict[str, Any] = {"tree_id": self._tree.id, "number": number}
            self._tiles[number] = hashes_in(self._connection.execute(_TILE, values).scalar_one())
        return self._tiles[number]

    def complete(self, height: int, number: int) -> bytes:
        """As `evidence.merkle.Complete` wants it."""
        if height >= HEIGHT:
            self._roots = self._roots or hashes_in(
                self._connection.execute(_ROOTS, {"tree_id": self._tree.id}).scalar_one()
            )
            wide = 1 << height - HEIGHT
            return root_of(self._roots[number * wide : (number + 1) * wide])
        tile, place = divmod(number << height, WIDTH)
        return root_of(self.tile(tile)[place : place + (1 << height)])


_TILE = text("SELECT hashes FROM outcome_tiles WHERE tree_id = :tree_id AND number = :number")
# As one value: a row for each takes longer than all the rest.
_ROOTS = text("SELECT string_agg(root, '' ORDER BY number) FROM outcome_tiles WHERE tree_id = :tree_id")
