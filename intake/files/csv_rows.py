"""Reads CSV: a header of known columns, and one person a row."""

import csv
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from domain.blocks import in_blocks
from domain.noticed import Noticed
from domain.plain import check_plain
from domain.requests import Subject
from intake.files.csv_columns import Column, read_header
from intake.files.faults import Faults
from intake.files.lines import LONGEST_LINE, NOT_UTF8, TOO_LONG, Block, Lines
from intake.files.people import People
from tasks.subjects import SubjectError, check_subject

NOT_CSV = (
    "is not CSV: a quote is left open, something follows a closing quote, or a line end stands in a cell; "
    "close every quote, and write one within a cell twice"
)
CELLS = "give each column a cell, empty where nothing is known, and put a cell with a comma in it into quotes"


class RowError(Exception):
    """This row cannot be read; the message says why."""


class _Feed:
    """Gives lines to csv.reader as text. A row may span lines where a cell is quoted; their total is bounded."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._bytes = 0
        self.first_line = 0

    def begin_row(self) -> None:
        """The next line begins a row."""
        self._bytes = 0

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        number, line = next(self._lines)
        if not self._bytes:
            while line.isspace() and len(line) <= LONGEST_LINE:
                number, line = next(self._lines)
            self.first_line = number
        self._bytes += len(line)
        if self._bytes > LONGEST_LINE:
            raise RowError(TOO_LONG)
        try:
            return line.decode()
        except UnicodeDecodeError:
            raise RowError(NOT_UTF8) from None


Row = tuple[int, list[str] | str]
"""The number of a row's first line, and its cells, or what is wrong with it."""


def read_table(blocks: Iterator[Block], faults: Faults, noticed: Noticed) -> Iterator[People]:
    """The people of these lines; faults go into `faults`. Blank lines are skipped.

    If the header is unusable, no row can be read, so none is.
    """
    rows = _rows(_Feed(chain.from_iterable(map(Block.lines, blocks))))
    line, header = next(rows, (1, []))
    if isinstance(header, str):
        faults.add(line, "", header)
        return
    columns = read_header(header, line, faults)
    if faults.total:
        return
    for block in in_blocks(rows):
        people = _plain(columns, block)
        if people is None:
            yield from _each(columns, block, faults, noticed)
        else:
            numbers = [number for number, _ in block]
            noticed.file_lines.extend(numbers)
            yield People(numbers, people)


def _rows(feed: _Feed) -> Iterator[Row]:
    reader = csv.reader(feed, strict=True)
    while True:
        feed.begin_row()
        try:
            row = next(reader)
        except StopIteration:
            return
        except RowError as error:
            yield feed.first_line, str(error)
        except csv.Error:
            yield feed.first_line, NOT_CSV
        else:
            yield feed.first_line, row


def _plain(columns: list[Column], rows: list[Row]) -> list[Subject] | None:
    records = []
    for _, row in rows:
        if isinstance(row, str) or len(row) != len(columns):
            return None
        records.append(_record(columns, row))
    return check_plain(records)


def _each(columns: list[Column], rows: Iterable[Row], faults: Faults, noticed: Noticed) -> Iterator[People]:
    for line, row in rows:
        if isinstance(row, str):
            faults.add(line, "", row)
        elif len(row) != len(columns):
            faults.add(line, "", f"has {len(row)} cells where the header has {len(columns)}: {CELLS}")
        else:
            try:
                subject = check_subject(_record(columns, row), noticed)
            except SubjectError as error:
                faults.add_all(line, error.faults)
            else:
                noticed.file_lines.add(line)
                yield People((line,), (subject,))


def _record(columns: list[Column], row: list[str]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for (folders, name), cell in zip(columns, row, strict=True):
        if cell:
            place = record
            for folder in folders:
                place = place.setdefault(folder, {})
            place[name] = cell
    return record
