"""The line of the file that each person of a request came from."""

import sys
from array import array
from bisect import bisect_right
from collections.abc import Sequence

_RUN = 3
"""Three numbers describe a run of people: the position of the first, that person's line, and the number of lines from
one person to the next."""


class FileLines:
    """Line numbers of a file by the position of a person in the request, from 1.

    Stored as runs of people at equal distances. A file with one person a line is one run, whatever its length. A blank
    line, or a cell with a line break, begins another run.
    """

    def __init__(self, runs: Sequence[int] = ()) -> None:
        self._runs = array("i", runs)
        self._starts: list[int] = []
        self._people = 0
        self._last = 0
        self._step_is_open = False

    def extend(self, lines: Sequence[int]) -> None:
        """Add people by their line numbers, in order."""
        if lines[-1] - lines[0] == len(lines) - 1 and self._continues(lines[0]):
            self._people += len(lines)
            self._last = lines[-1]
        else:
            for line in lines:
                self.add(line)

    def _continues(self, line: int) -> bool:
        return not self._step_is_open and bool(self._runs) and self._runs[-1] == 1 and line == self._last + 1

    def add(self, line: int) -> None:
        """Add one person by their line number."""
        self._people += 1
        if self._step_is_open:
            self._runs[-1] = line - self._last
            self._step_is_open = False
        elif not self._runs or line != self._last + self._runs[-1]:
            self._runs.extend((self._people, line, 1))
            self._step_is_open = True
        self._last = line

    def packed(self) -> bytes | None:
        """The runs as bytes for the database; None where nobody came from a file."""
        return _big_endian(array("i", self._runs)).tobytes() or None

    @classmethod
    def unpacked(cls, packed: bytes | None) -> "FileLines":
        """Restore what `packed` returned."""
        return cls(_big_endian(array("i", bytes(packed or b""))))

    def of(self, person: int) -> int | None:
        """The line of a person; None where the request came from no file."""
        if not self._runs:
            return None
        if not self._starts:
            self._starts = list(self._runs[::_RUN])
        run = (bisect_right(self._starts, person) - 1) * _RUN
        first, line, step = self._runs[run : run + _RUN]
        return line + (person - first) * step


def _big_endian(numbers: "array[int]") -> "array[int]":
    """Convert the numbers between this machine's byte order and big-endian."""
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers
