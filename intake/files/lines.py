"""The lines of a file, numbered, read in blocks, and bounded in length."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple

from intake.files.encodings import Source

LONGEST_LINE = 65_536
"""Bytes in a line. The largest person that we accept, with a session, has less than 20,000."""

TOO_LONG = f"is longer than {LONGEST_LINE:,} bytes: give each person a line"
NOT_UTF8 = (
    "is not UTF-8 text: save the file as CSV UTF-8 (in Excel one of the types under Save As), or as an Excel workbook "
    "(.xlsx), and submit it again"
)

BLOCK_BYTES = 16_384
"""Read at once, about 150 people: enough to make the cost of each block negligible."""

Lines = Iterator[tuple[int, bytes]]
"""Line numbers from 1, and lines with their line end. A line longer than LONGEST_LINE is cut."""


class Block(NamedTuple):
    """Consecutive lines: about BLOCK_BYTES, or one long line and about BLOCK_BYTES at most."""

    numbers: range
    text: bytes
    """With all line ends, except perhaps that of the last line."""

    def lines(self) -> Lines:
        """The lines, one by one."""
        return zip(self.numbers, BytesIO(self.text), strict=True)

    def is_blank(self) -> bool:
        """Whether it contains only white space."""
        return len(self.text) <= LONGEST_LINE and not self.text.strip()

    def __repr__(self) -> str:
        return f"Block({self.numbers})"


def blocks_of(file: Source) -> Iterator[Block]:
    """The lines of a file, without a byte order mark. Of too long a line the first LONGEST_LINE + 1 bytes are returned,
    and the rest is dropped."""
    first, rest = 1, file.read(len(BOM_UTF8)).removeprefix(BOM_UTF8)
    while piece := file.read(BLOCK_BYTES):
        data = rest + piece
        end = data.rfind(b"\n") + 1
        text, rest = data[:end], data[end:]
        if text:
            last = first + text.count(b"\n")
            yield Block(range(first, last), text)
            first = last
        if len(rest) > LONGEST_LINE:
            yield Block(range(first, first + 1), rest[: LONGEST_LINE + 1])
            first, rest = first + 1, _after_line_end(file)
    if rest:
        last = first + rest.removesuffix(b"\n").count(b"\n") + 1
        yield Block(range(first, last), rest)


def _after_line_end(file: Source) -> bytes:
    """Skip the rest of this line; returns what was read of the next lines."""
    while piece := file.read(BLOCK_BYTES):
        _, end, after = piece.partition(b"\n")
        if end:
            return after
    return b""
