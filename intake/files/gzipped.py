"""Text files that are packed with gzip, unpacked as they are read."""

import gzip
import zlib
from typing import IO, cast

from intake.files.encodings import Source, UnreadableError

DAMAGED = "is a damaged gzip file: part of it is missing or changed: send it again"


class Unpacked:
    """What is in a gzip file, up to so many bytes: a small file may hold a very large one."""

    def __init__(self, packed: Source, most: int) -> None:
        self._file = gzip.GzipFile(fileobj=cast("IO[bytes]", packed))
        self._most = most
        self._left = most

    def read(self, size: int, /) -> bytes:
        """As of a file. Raises UnreadableError."""
        try:
            piece = self._file.read(size)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise UnreadableError(DAMAGED) from None
        self._left -= len(piece)
        if self._left < 0:
            raise UnreadableError(f"holds more than {self._most:,} bytes: give it in parts")
        return piece
