"""The first row of a table: what its columns hold, and how a row below it becomes a record."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import combinations
from typing import Any

from domain.counted import counted
from domain.noticed import ColumnLike
from intake.files.columns import Column, field_of, fields_are, find_field, recognise, written_otherwise
from intake.files.header_names import REGION, squashed
from intake.files.hints import Hints
from intake.files.reading import HeaderCell, Reading

CELLS = "give each column a cell, empty where nothing is known, and put a cell with a separator in it into quotes"
NAMELESS = "has a value, and its column has no name: give the column a name in the first line, or leave it empty"
NO_HEADER = "has no known column: give a first line that names the columns, as user_id,email. "
ALL_OTHERS = "; --ignore-others leaves out all whose names are not known, and says which"
LONGEST_NAME = 60


class RowError(Exception):
    """This row cannot be read; `field` is the column, or "" for the whole row, and the message says why."""

    def __init__(self, problem: str, field: str = "") -> None:
        super().__init__(problem)
        self.field = field


@dataclass(frozen=True)
class Header:
    """The columns that are used, and where: `places` are their positions in a row, from 0. `named`: so many columns
    have a name. `cells`: so many the header has, with empty ones at its end. `region`: the position of the country."""

    columns: Sequence[Column]
    places: Sequence[int]
    named: int
    cells: int
    region: int | None = None

    def fitting(self, row: list[str]) -> list[str]:
        """The cells of the used columns. Raises RowError where a row has too few cells, or one that has no name."""
        if len(row) != self.named:
            self._refuse_misfit(row)
            row = row[: self.named]
        return row if len(self.places) == self.named else [row[place] for place in self.places]

    def _refuse_misfit(self, row: list[str]) -> None:
        beyond = next((place for place in range(self.named, len(row)) if row[place].strip()), None)
        if beyond is not None and beyond < self.cells:
            raise RowError(NAMELESS, f"column {beyond + 1}")
        if beyond is not None or len(row) < self.named:
            raise RowError(f"has {counted(len(row), 'cell')} where the header has {self.cells}: {CELLS}")

    def record(self, cells: list[str]) -> dict[str, Any]:
        """The record that the cells of the used columns are."""
        record: dict[str, Any] = {}
        for (folders, name), cell in zip(self.columns, cells, strict=True):
            if cell:
                place = record
                for folder in folders:
                    place = place.setdefault(folder, {})
                place[name] = cell
        return record


def meant(name: str, hints: Hints) -> Column | None:
    """What a name in the header means; what the submitter says of it comes first."""
    said = {squashed(header): field for header, field in hints.maps.items()}
    target = said.get(squashed(name)) if said else None
    return find_field(target) if target is not None else recognise(name)


def read_header(cells: list[str], line: int, reading: Reading) -> Header:
    """Where the cells below each of these names go.

    What cannot be used is noted in the reading's faults, by position, and by name only where it looks like a name: in a
    file without a header these are somebody's data.
    """
    hints, faults = reading.hints, reading.faults
    ignored = {squashed(name) for name in hints.ignored}
    found = [None if squashed(cell) in ignored else meant(cell, hints) for cell in cells]
    left_out = [
        bool(cell.strip()) and (squashed(cell) in ignored or (hints.others_ignored and column is None))
        for cell, column in zip(cells, found, strict=True)
    ]
    reading.recognised.header = [
        HeaderCell(cell.strip(), column and field_of(column), out)
        for cell, column, out in zip(cells, found, left_out, strict=True)
    ]
    if not any(found) and not _are_nearly_known([cell for cell in cells if squashed(cell) not in ignored]):
        faults.add(line, "", f"{NO_HEADER}{fields_are().capitalize()}")
        return Header((), (), 0, 0)
    named = len(cells) - next(place for place, cell in enumerate(reversed(cells)) if cell.strip())
    places: list[int] = []
    for place, (cell, column) in enumerate(zip(cells[:named], found, strict=False)):
        if left_out[place]:
            named_so = squashed(cell) in ignored
            reading.recognised.ignored.append(cell.strip() if named_so else shown_name(cell) or f"column {place + 1}")
            if not named_so:
                _note_left_out(cell, reading)
        elif column is None:
            faults.add(line, f"column {place + 1}", _unknown(cell, with_list=not faults.total))
        elif column in (same := [found[earlier] for earlier in places]):
            first = places[same.index(column)]
            faults.add(
                line, f"column {place + 1}", _twice(cell, first, named_alike=squashed(cells[first]) == squashed(cell))
            )
        else:
            places.append(place)
            reading.recognised.columns[cell.strip()] = field_of(column)
    _refuse_idle_hints(cells, line, reading)
    used = [(place, column) for place in places if (column := found[place]) is not None]
    region = next((place for place, column in used if column == ((), REGION)), None)
    used = [(place, column) for place, column in used if place != region]
    return Header([column for _, column in used], [place for place, _ in used], named, len(cells), region)


def _note_left_out(cell: str, reading: Reading) -> None:
    """Note that this column was left out without being named."""
    name, near = reading.recognised.ignored[-1], nearest(cell)
    reading.noticed.left_out.append(name)
    if near:
        reading.noticed.columns_like.append(ColumnLike(name, near))


def names_columns(cells: list[str], hints: Hints) -> bool:
    """Whether these cells, or what stands between separators in them, are names of known columns, most of them."""
    names = [name for name in re.split(r"[,;|\t]", ",".join(cells)) if name.strip()]
    return sum(meant(name, hints) is not None for name in names) > len(names) // 2


def _are_nearly_known(cells: list[str]) -> bool:
    """Whether most of these are like names of columns, and so hardly somebody's data."""
    names = [cell for cell in cells if cell.strip()]
    return sum(shown_name(name) is not None and nearest(name) is not None for name in names) > len(names) // 2


def _unknown(cell: str, *, with_list: bool) -> str:
    shown = shown_name(cell)
    near = nearest(cell)
    problem = f'("{shown}") is not known' if shown else "is not known"
    if near:
        problem += f"; the nearest is {near}"
    named, mapped = (f'"{shown}"', f'"{shown}={near or "FIELD"}"') if shown else ("NAME", f"NAME={near or 'FIELD'}")
    problem += f": rename it, say what it holds (--map {mapped}), or leave it out (--ignore {named})"
    problem += ALL_OTHERS if with_list else ""
    return f"{problem}; {fields_are()}" if with_list and not near else problem


def _twice(cell: str, first: int, *, named_alike: bool) -> str:
    problem = f"is the same as column {first + 1}: keep one of them"
    shown = shown_name(cell)
    return problem if named_alike or not shown else f'{problem}, or leave this one out (--ignore "{shown}")'


def shown_name(cell: str) -> str | None:
    """The name of a column as a message may show it; None where it may be somebody's data."""
    name = " ".join(cell.split())
    if not name or len(name) > LONGEST_NAME or not re.fullmatch(r"[\w .:#()/°'\u2019-]+", name):
        return None
    return name if sum(map(str.isdigit, name)) < 4 and any(map(str.isalpha, name)) else None


def nearest(name: str) -> str | None:
    """The field whose name, or one of the names for it, is most like this one, or like some words of it."""
    names = written_otherwise()
    close = get_close_matches(squashed(name), names, n=1, cutoff=0.7)
    if close:
        return names[close[0]]
    words = re.findall(r"\w+", name[:LONGEST_NAME])
    parts = (squashed("".join(words[first:past])) for first, past in combinations(range(len(words) + 1), 2))
    found = max((part for part in parts if part in names), key=len, default=None)
    return names[found] if found is not None else None


def _refuse_idle_hints(cells: list[str], line: int, reading: Reading) -> None:
    """What is said of a column that is not there is a mistake that somebody should see."""
    there = set(map(squashed, cells))
    for option, names in (("map", reading.hints.maps), ("ignore", reading.hints.ignored)):
        for name in names:
            if squashed(name) not in there:
                reading.faults.add(
                    line, "", f'has no column "{name}", which {option} names: give its name as it stands there'
                )
