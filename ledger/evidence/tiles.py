"""The log's tree in the ledger: full tiles as they are stored, and partial ones from what lies below them."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from evidence.merkle import complete_parts, fold, inclusion_path, leaf_hash, root_of
from evidence.tiles import WIDTH, hashes_in

HEIGHT = 8
"""Levels of the tree in one tile."""


class LogTree:
    """The log's tree at one size. It reads what it is asked for, and keeps it."""

    def __init__(self, connection: Connection, size: int) -> None:
        self._connection = connection
        self.size = size
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def tile(self, level: int, number: int) -> list[bytes]:
        """The hashes of a tile, which may be partial."""
        found = self._tiles.get((level, number))
        if found is None:
            found = self._tiles[level, number] = self._read(level, number)
        return found

    def _read(self, level: int, number: int) -> list[bytes]:
        first, end = number * WIDTH, min((number + 1) * WIDTH, self.size >> HEIGHT * level)
        if end - first == WIDTH:
            stored = self._connection.execute(_TILE, {"level": level, "number": number}).scalar()
            if stored is not None:
                return hashes_in(stored)
        span = {"first": first, "past": end, "level": level - 1}
        if level:
            return list(self._connection.execute(_ROOTS, span).scalars())
        return list(map(leaf_hash, entries_between(self._connection, first, end)))

    def complete(self, height: int, number: int) -> bytes:
        """The hash of a complete subtree, as `evidence.merkle.Complete` wants it."""
        level, rest = divmod(height, HEIGHT)
        tile, place = divmod(number << rest, WIDTH)
        return root_of(self.tile(level, tile)[place : place + (1 << rest)])

    def root(self) -> bytes:
        """The root."""
        edge: list[bytes] = []
        level = 0
        while (hashes := self.size >> HEIGHT * level) > 0:
            edge = [*complete_parts(self.tile(level, hashes // WIDTH) if hashes % WIDTH else ()), *edge]
            level += 1
        return fold(edge)

    def path(self, index: int) -> list[bytes]:
        """The path from an entry to the root. Raises ValueError where there is no such entry."""
        return inclusion_path(index, self.size, self.complete)


def entries_between(connection: Connection, first: int, past: int) -> list[bytes]:
    """The log's entries from one index up to another."""
    return list(connection.execute(_ENTRIES, {"first": first, "past": past}).scalars())


def append(connection: Connection, before: int, leaves: Sequence[bytes]) -> None:
    """Store the tiles that become full when these leaves follow the first `before` entries, which are in the ledger."""
    level, size, fresh = 0, before, list(leaves)
    while fresh:
        partial = LogTree(connection, size << HEIGHT * level).tile(level, size // WIDTH) if size % WIDTH else []
        row, first = partial + fresh, size // WIDTH
        full = [row[place : place + WIDTH] for place in range(0, len(row) - WIDTH + 1, WIDTH)]
        roots = [root_of(hashes) for hashes in full]
        if full:
            values = {
                "level": level,
                "numbers": list(range(first, first + len(full))),
                "hashes": [b"".join(hashes) for hashes in full],
                "roots": roots,
            }
            connection.execute(_ADD, values)
        level, size, fresh = level + 1, first, roots


_TILE = text("SELECT hashes FROM log_tiles WHERE level = :level AND number = :number")
_ROOTS = text("""
    SELECT root FROM log_tiles WHERE level = :level AND number >= :first AND number < :past ORDER BY number
""")
_ENTRIES = text("SELECT entry FROM log_entries WHERE index >= :first AND index < :past ORDER BY index")
_ADD = text("""
    INSERT INTO log_tiles (level, number, hashes, root)
    SELECT :level, full_ones.* FROM unnest(CAST(:numbers AS bigint[]), CAST(:hashes AS bytea[]),
        CAST(:roots AS bytea[])) AS full_ones
""")
