"""The log's tree in the ledger: full tiles as they are stored, and partial ones from what lies below them."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, text

from evidence.merkle import complete_parts, fold, inclusion_path, root_of
from evidence.tiles import WIDTH, hashes_in

HEIGHT = 8
"""Levels of the tree in one tile."""


class LogTree:
    """The log's tree at one size. It reads what it is asked for, and keeps it, also of what is appended."""

    def __init__(self, connection: Connection, size: int) -> None:
        self._connection = connection
        self.size = size
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def tile(self, level: int, number: int) -> list[bytes]:
        """The hashes of a tile, which may be partial."""
        self._read([(level, number)])
        return self._tiles[level, number]

    def _read(self, wanted: Iterable[tuple[int, int]]) -> None:
        missing = [one for one in dict.fromkeys(wanted) if one not in self._tiles]
        if not missing:
            return
        values = {
            "levels": [level for level, _ in missing],
            "numbers": [number for _, number in missing],
            "pasts": [min((number + 1) * WIDTH, self._width(level)) for level, number in missing],
        }
        rows = self._connection.execute(_TILES, values)
        self._tiles.update({(row.level, row.number): hashes_in(row.hashes) for row in rows})

    def _width(self, level: int) -> int:
        """The number of hashes at a level."""
        return self.size >> HEIGHT * level

    def _levels(self) -> range:
        return range(-(-self.size.bit_length() // HEIGHT))

    def _edge(self) -> list[tuple[int, int]]:
        """The partial tile of each level, as far as it has one."""
        return [(level, self._width(level) // WIDTH) for level in self._levels() if self._width(level) % WIDTH]

    def complete(self, height: int, number: int) -> bytes:
        """The hash of a complete subtree, as `evidence.merkle.Complete` wants it."""
        level, rest = divmod(height, HEIGHT)
        tile, place = divmod(number << rest, WIDTH)
        return root_of(self.tile(level, tile)[place : place + (1 << rest)])

    def root(self) -> bytes:
        """The root."""
        wanted = self._edge()
        self._read(wanted)
        return fold([part for level, number in reversed(wanted) for part in complete_parts(self.tile(level, number))])

    def path(self, index: int) -> list[bytes]:
        """The path from an entry to the root. Raises ValueError where there is no such entry."""
        if 0 <= index < self.size:
            self._read([*((level, index >> HEIGHT * (level + 1)) for level in self._levels()), *self._edge()])
        return inclusion_path(index, self.size, self.complete)

    def append(self, leaves: Sequence[bytes]) -> None:
        """Grow by the hashes of the entries that follow, and store the tiles that become full."""
        self._read(self._edge())
        full: list[tuple[int, int, bytes, bytes]] = []
        level, fresh = 0, list(leaves)
        while fresh:
            number, begun = divmod(self._width(level), WIDTH)
            row = (self._tiles[level, number] if begun else []) + fresh
            fresh = []
            for past in range(WIDTH, len(row) + 1, WIDTH):
                hashes = self._tiles[level, number] = row[past - WIDTH : past]
                fresh.append(root_of(hashes))
                full.append((level, number, b"".join(hashes), fresh[-1]))
                number += 1
            self._tiles[level, number] = row[len(row) // WIDTH * WIDTH :]
            level += 1
        if full:
            columns = zip(("levels", "numbers", "hashes", "roots"), zip(*full, strict=True), strict=True)
            self._connection.execute(_ADD, {name: list(values) for name, values in columns})
        self.size += len(leaves)


def entries_between(connection: Connection, first: int, past: int) -> list[bytes]:
    """The log's entries from one index up to another."""
    return list(connection.execute(_ENTRIES, {"first": first, "past": past}).scalars())


# A full one as it is stored, and else from what lies below it.
_TILES = text(r"""
    SELECT level, number, COALESCE(
        CASE WHEN past % 256 = 0 THEN (
            SELECT hashes FROM log_tiles WHERE log_tiles.level = its.level AND log_tiles.number = its.number) END,
        CASE WHEN level = 0 THEN (
            SELECT string_agg(sha256('\x00' || entry), '' ORDER BY index) FROM log_entries
            WHERE index >= its.number * 256 AND index < past)
        ELSE (
            SELECT string_agg(root, '' ORDER BY log_tiles.number) FROM log_tiles
            WHERE log_tiles.level = its.level - 1 AND log_tiles.number >= its.number * 256
                AND log_tiles.number < past) END,
        '') AS hashes
    FROM unnest(CAST(:levels AS smallint[]), CAST(:numbers AS bigint[]), CAST(:pasts AS bigint[]))
        AS its (level, number, past)
""")
_ENTRIES = text("SELECT entry FROM log_entries WHERE index >= :first AND index < :past ORDER BY index")
_ADD = text("""
    INSERT INTO log_tiles (level, number, hashes, root)
    SELECT * FROM unnest(CAST(:levels AS smallint[]), CAST(:numbers AS bigint[]), CAST(:hashes AS bytea[]),
        CAST(:roots AS bytea[]))
""")
