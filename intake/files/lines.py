"""The physical lines of a file, numbered, and bounded however long they are."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from itertools import islice
from typing import IO, TypeVar

LONGEST_LINE = 65_536
"""Bytes in a line. A person with a session, the largest we accept, has under 20,000."""

TOO_LONG = f"is longer than {LONGEST_LINE:,} bytes: give each person a line"
NOT_UTF8 = "is not UTF-8 text: save the file in UTF-8, and submit it again"

BLOCK = 100
"""Lines or rows that are looked at together: enough to hide what each look costs.

Some 15 kB; 6 MB where each is as long as one may be, and four times that where a CSV has letters of four bytes in them.
"""

Item = TypeVar("Item")
Lines = Iterator[tuple[int, bytes]]
"""Line numbers from 1, and lines with their line end. One that is longer than LONGEST_LINE is only a beginning."""


def numbered_lines(file: IO[bytes]) -> Lines:
    """The lines of a file, without a byte order mark in front. Of a line that is too long the first LONGEST_LINE + 1
    bytes are given, and the rest of it is read and dropped."""
    return enumerate(_bounded(file), start=1)


def _bounded(file: IO[bytes]) -> Iterator[bytes]:
    mark = BOM_UTF8
    while line := file.readline(LONGEST_LINE + 1):
        yield line.removeprefix(mark)
        mark = b""
        while len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE + 1)


def in_blocks(items: Iterator[Item]) -> Iterator[list[Item]]:
    """The same in lists of BLOCK; the last may be shorter."""
    return iter(lambda: list(islice(items, BLOCK)), [])


def is_blank(line: bytes) -> bool:
    """Whether there is nothing but white space on a line that is whole."""
    return len(line) <= LONGEST_LINE and not line.strip()
