"""Rows below a header become people, whatever kind of file they come from."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Self

from domain.blocks import in_blocks
from domain.moments import NO_DAY_OR_MOMENT
from domain.national_numbers import region_of
from domain.plain import check_plain
from domain.requests import Subject
from intake.files.columns import Column, field_of
from intake.files.day_cells import as_iso_day
from intake.files.faults import KEPT
from intake.files.header import Header, RowError, meant, names_columns, read_header
from intake.files.header_names import REGION
from intake.files.hints import Hints
from intake.files.national import NO_COUNTRY, has_numbers_to_translate, translate, worded
from intake.files.people import People
from intake.files.reading import Reading
from tasks.subjects import SubjectError, check_subject

Row = tuple[int, list[str] | str]
"""The number of a row's first line, and its cells, or what is wrong with it."""

DAY: Column = ((), "asked_at")
HEADER_AGAIN = "is the first line again: take it out"
FURTHER_DOWN = "names no column, and line {0} does: take out what stands above line {0}"
TITLE_ROWS = 20
"""So many rows are looked at for the names of columns, where the first names none."""


class UnusableCell(str):
    """A cell of a workbook whose value is no text, and may not be what its reader saw. `address` is the cell's, as B3;
    `problem` says what it is; `as_text` is a day in ISO 8601 where it is one."""

    __slots__ = ("address", "as_text", "problem")
    address: str
    problem: str
    as_text: str

    def __new__(cls, address: str, problem: str, as_text: str = "") -> Self:
        """A cell that is not empty."""
        cell = super().__new__(cls, "?")
        cell.address, cell.problem, cell.as_text = address, problem, as_text
        return cell


def read_rows(rows: Iterator[Row], reading: Reading, *, typed: bool = False) -> Iterator[People]:
    """The people of these rows, of which the first is the header.

    If the header is unusable, no row can be read, so none is. Rows of nothing but empty cells
    are left out at the end of a table; elsewhere they are people of whom something was lost.
    """
    line, first = next(rows, (0, []))
    if not line:
        return
    if isinstance(first, str):
        reading.faults.add(line, "", first)
        return
    further_down = _line_of_names(first, rows, reading.hints)
    if further_down is not None:
        reading.faults.add(line, "", FURTHER_DOWN.format(further_down))
        return
    header = read_header(first, line, reading)
    if not reading.faults.total:
        yield from _Table(header, first, reading, typed=typed).people(rows)


def _line_of_names(first: list[str], rows: Iterator[Row], hints: Hints) -> int | None:
    """Where the names of columns stand, if not in the first row; None where they do, or stand nowhere."""
    if any(meant(cell, hints) for cell in first):
        return None
    below = islice(rows, TITLE_ROWS)
    return next((line for line, row in below if not isinstance(row, str) and names_columns(row, hints)), None)


class _Table:
    """The rows below one header."""

    def __init__(self, header: Header, names: list[str], reading: Reading, *, typed: bool) -> None:
        self._header = header
        self._names = names
        self._reading = reading
        self._is_typed = typed
        self._has_days = DAY in header.columns
        self._translates = reading.hints.region is not None or header.region is not None
        self._empty: list[tuple[int, list[str]]] = []  # rows that may be the end, the first KEPT of them
        self._empty_rows = 0

    def people(self, rows: Iterator[Row]) -> Iterator[People]:
        """In blocks where all are plain, else one by one."""
        for block in in_blocks(rows):
            people = self._plain(block)
            if people is None:
                yield from self._each(block)
            else:
                self._refuse_empty_rows()
                numbers = [number for number, _ in block]
                self._reading.noticed.file_lines.extend(numbers)
                yield People(numbers, people)
        self._reading.recognised.empty_rows = self._empty_rows

    def _plain(self, rows: list[Row]) -> list[Subject] | None:
        if any(row == self._names for _, row in rows):
            return None
        records = []
        try:
            for _, row in rows:
                if isinstance(row, str):
                    return None
                records.append(self._record(row))
        except RowError:
            return None
        return check_plain(records)

    def _each(self, rows: Iterable[Row]) -> Iterator[People]:
        for line, row in rows:
            if isinstance(row, str):
                self._refuse_empty_rows()
                self._reading.faults.add(line, "", row)
            elif not any(map(str.strip, row)):
                self._keep_empty(line, row)
            else:
                self._refuse_empty_rows()
                yield from self._one(line, row)

    def _one(self, line: int, row: list[str]) -> Iterator[People]:
        noticed, faults = self._reading.noticed, self._reading.faults
        try:
            if row == self._names:
                raise RowError(HEADER_AGAIN)
            subject = check_subject(self._record(row), noticed)
        except RowError as error:
            faults.add(line, error.field, str(error))
        except SubjectError as error:
            faults.add_all(line, worded(error.faults, self._region(row)))
        else:
            noticed.file_lines.add(line)
            yield People((line,), (subject,))

    def _record(self, row: list[str]) -> dict[str, Any]:
        """Raises RowError."""
        cells = self._header.fitting(row)
        record = self._header.record(self._untyped(cells) if self._is_typed else cells)
        if self._has_days and (day := record.get(DAY[1])):
            record[DAY[1]] = as_iso_day(day)
        if self._translates and has_numbers_to_translate(record):
            region = self._region(row)
            if region is not None:
                translate(record, region)
            elif self._header.region is not None and row[self._header.region].strip():
                raise RowError(NO_COUNTRY, REGION)
        return record

    def _untyped(self, cells: list[str]) -> list[str]:
        """The cells as texts; a day is one where a day is wanted. Raises RowError."""
        texts = list(cells)
        for place, (column, cell) in enumerate(zip(self._header.columns, cells, strict=True)):
            if isinstance(cell, UnusableCell):
                if column != DAY or not cell.as_text:
                    problem = NO_DAY_OR_MOMENT if column == DAY else cell.problem
                    raise RowError(f"(cell {cell.address}) {problem}", field_of(column))
                texts[place] = cell.as_text
        return texts

    def _region(self, row: list[str]) -> str | None:
        """The country whose numbers a row has: its own, else that of the file."""
        own = row[self._header.region].strip() if self._header.region is not None else ""
        return region_of(own) if own else self._reading.hints.region

    def _keep_empty(self, line: int, row: list[str]) -> None:
        self._empty_rows += 1
        if len(self._empty) < KEPT:
            self._empty.append((line, row))

    def _refuse_empty_rows(self) -> None:
        """Something follows them, so they are not the end of the table."""
        if self._empty_rows:
            before = self._reading.faults.total
            for line, row in self._empty:
                for _ in self._one(line, row):
                    pass  # nobody is in it
            self._reading.faults.total = max(self._reading.faults.total, before + self._empty_rows)
            self._empty, self._empty_rows = [], 0
