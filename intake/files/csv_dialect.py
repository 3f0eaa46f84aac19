"""The dialect of a CSV: by what its cells are separated, as the first line shows."""

import csv
import re
from dataclasses import dataclass

from intake.files.header import meant
from intake.files.hints import Hints

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}
_SEP_LINE = re.compile(r'"?sep=([^\w"\s]|\t)"?[,;\t|]*\r*\n?', re.IGNORECASE)
AMBIGUOUS = "may be separated by {0} or by {1}: put a line sep=; (or whichever it is) above it"


class DialectError(Exception):
    """The first line can be understood in two ways; the message says which."""


@dataclass(frozen=True)
class Dialect:
    """`spaced`: a space after each separator, which belongs to no cell."""

    separator: str = ","
    spaced: bool = False

    @property
    def words(self) -> str:
        """For people."""
        name = SEPARATORS.get(self.separator, f"`{self.separator}`")
        return f"separated by {name}" + (" and spaces" if self.spaced else "")


def separator_in(line: str) -> str | None:
    """What Excel's `sep=;` in front of a table says; None where this line is none."""
    found = _SEP_LINE.fullmatch(line)
    return found[1] if found else None


def dialect_of(header: str, hints: Hints, separator: str | None = None) -> Dialect:
    """How the table below this first line is written; `separator` is known from a line above. Raises DialectError."""
    if separator is None:
        separator = _separator(header, hints)
    cells = _cells(header, separator, spaced=False)
    return Dialect(separator, len(cells) > 1 and all(cell[:1] == " " for cell in cells[1:]))


def _separator(header: str, hints: Hints) -> str:
    known = {each: _count(_cells(header, each, spaced=True), hints) for each in SEPARATORS}
    best = max(known.values())
    likely = [each for each in SEPARATORS if known[each] == best]
    if not best[0]:  # of a header that names nothing, at least the number of columns is told
        return max(SEPARATORS, key=header.count)
    together = [each for each in likely if each in header]
    if len(together) > 1:
        raise DialectError(AMBIGUOUS.format(*(SEPARATORS[each] for each in together[:2])))
    return together[0] if together else likely[0]


def _count(cells: list[str], hints: Hints) -> tuple[int, int]:
    """How many of these are names of columns, and minus how many are not."""
    known = sum(
        meant(cell, hints) is not None for cell in cells if not set(cell) & set(SEPARATORS) or cell in hints.maps
    )
    return known, known - sum(1 for cell in cells if cell.strip())


def _cells(header: str, separator: str, *, spaced: bool) -> list[str]:
    try:
        return next(csv.reader([header], delimiter=separator, skipinitialspace=spaced), [])
    except csv.Error:
        return []
