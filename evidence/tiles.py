"""A log as static files: tiles of its tree, and bundles of its entries. https://c2sp.org/tlog-tiles, read 2026-11."""

import struct
from collections.abc import Iterable, Iterator
from typing import Literal

from evidence.merkle import HASH_BYTES

WIDTH = 256
"""Hashes of a full tile, and entries of a full bundle."""
LARGEST_ENTRY = 65_535
"""Bytes of one entry: a bundle gives its length in 16 bits."""
CHECKPOINT = "checkpoint"


class BundleError(ValueError):
    """A bundle does not consist of whole entries."""


def path_of(level: int | Literal["entries"], number: int, width: int = WIDTH) -> str:
    """The path of a tile or bundle below the log's folder."""
    digits = f"{number:03}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[place : place + 3] for place in range(0, len(digits), 3)]
    inner = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
    return f"tile/{level}/{inner}" + (f".p/{width}" if width != WIDTH else "")


def tiles_of(size: int, before: int = 0) -> Iterator[tuple[int, int, int]]:
    """Level, number and width of every tile of a log of this size, partial ones included; without those that were full
    when it had the size `before`."""
    level = 0
    while size:
        full, rest = divmod(size, WIDTH)
        yield from ((level, number, WIDTH) for number in range(before // WIDTH, full))
        if rest:
            yield level, full, rest
        level, size, before = level + 1, full, before // WIDTH


def bundle(entries: Iterable[bytes]) -> bytes:
    """Entries in the form of a bundle. None may be longer than LARGEST_ENTRY."""
    return b"".join(struct.pack("!H", len(entry)) + entry for entry in entries)


def entries_in(raw: bytes) -> list[bytes]:
    """The entries of a bundle. Raises BundleError."""
    found, place = [], 0
    while place < len(raw):
        end = place + 2 + int.from_bytes(raw[place : place + 2])
        if end > len(raw) or place + 2 > len(raw):
            raise BundleError("a bundle ends in the middle of an entry")
        found.append(raw[place + 2 : end])
        place = end
    return found


def hashes_in(raw: bytes) -> list[bytes]:
    """The hashes of a tile."""
    return [raw[place : place + HASH_BYTES] for place in range(0, len(raw), HASH_BYTES)]
