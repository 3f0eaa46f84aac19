"""What a sheet of an .xlsx says of its cells beside their values: errors, formulas without a value, number formats."""

import re
from collections.abc import Iterator, Mapping
from typing import IO
from xml.parsers import expat

from intake.files.workbooks.archive import DAMAGED, NoWorkbookError

Mark = str | int
"""`error`, `formula`, or the width or ODD of `odd_styles`."""
Marks = Mapping[int, Mark]
"""By column, from 0."""

PIECE = 65_536
_WORTH_LOOKING = re.compile(rb"""<(?:\w+:)?f[ />]|\bt=["']e["']""")


def is_worth_looking(sheet: IO[bytes]) -> bool:
    """Whether there are formulas or errors at all; nearly no export has any, and looking at each cell takes time."""
    before = b""
    while piece := sheet.read(PIECE):
        if _WORTH_LOOKING.search(before + piece):
            return True
        before = piece[-16:]
    return False


def marks_of(sheet: IO[bytes], styles: Mapping[int, int]) -> Iterator[tuple[int, Marks]]:
    """The rows, by number, in order, that have cells with a mark."""
    seen = _Seen(styles)
    while piece := sheet.read(PIECE):
        seen.parser.Parse(piece)
        yield from seen.take()
    seen.parser.Parse(b"", True)  # noqa: FBT003 - expat takes it by its place only
    yield from seen.take()


class _Seen:
    """Follows the cells of a sheet."""

    def __init__(self, styles: Mapping[int, int]) -> None:
        self._styles = styles
        self._rows: list[tuple[int, Marks]] = []
        self._marks: dict[int, Mark] = {}
        self._row, self._column = 0, -1
        self._type, self._style = "n", 0
        self._has_formula = self._has_value = self._in_value = False
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def take(self) -> list[tuple[int, Marks]]:
        """The marked rows that have ended since."""
        rows, self._rows = self._rows, []
        return rows

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        match tag.rpartition(":")[2]:
            case "row":
                number = int(attributes.get("r", self._row + 1))
                if number <= self._row:
                    raise NoWorkbookError(DAMAGED)
                self._row, self._column, self._marks = number, -1, {}
            case "c":
                at = attributes.get("r")
                self._column = _column_of(at) if at else self._column + 1
                self._type, self._style = attributes.get("t", "n"), int(attributes.get("s", "0"))
                self._has_formula = self._has_value = False
            case "f":
                self._has_formula = True
            case "v" | "is":
                self._in_value = True

    def _end(self, tag: str) -> None:
        match tag.rpartition(":")[2]:
            case "v" | "is":
                self._in_value = False
            case "c":
                mark = self._mark()
                if mark is not None:
                    self._marks[self._column] = mark
            case "row":
                if self._marks:
                    self._rows.append((self._row, self._marks))

    def _text(self, _: str) -> None:
        self._has_value = self._has_value or self._in_value

    def _mark(self) -> Mark | None:
        if self._type == "e":
            return "error"
        if not self._has_value:
            # A formula whose text is empty is of type str; one that was never worked out has no value at all.
            return "formula" if self._has_formula and self._type != "str" else None
        return self._styles.get(self._style) if self._type == "n" else None


def _column_of(at: str) -> int:
    place = 0
    for letter in at.rstrip("0123456789"):
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1
