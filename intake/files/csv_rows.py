"""Reads CSV: a header of known columns, and one person a row."""

import csv
from collections.abc import Iterator
from itertools import chain

from intake.files.csv_dialect import Dialect, DialectError, dialect_of, separator_in
from intake.files.header import RowError
from intake.files.lines import LONGEST_LINE, NOT_UTF8, TOO_LONG, Block, Lines
from intake.files.people import People
from intake.files.reading import Reading
from intake.files.table import Row, read_rows

NOT_CSV = (
    "is not CSV: a quote is left open, something follows a closing quote, or a line end stands in a cell; "
    "close every quote, and write one within a cell twice"
)


class _Feed:
    """Gives lines to csv.reader as text. A row may span lines where a cell is quoted; their total is bounded."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._bytes = 0
        self._ahead: list[tuple[int, bytes]] = []
        self.first_line = 0

    def begin_row(self) -> None:
        """The next line begins a row."""
        self._bytes = 0

    def peek(self) -> str:
        """The next line that is not blank, or its beginning; "" where there is none, or where it is no text."""
        for number, line in self._lines:
            if not line.isspace() or len(line) > LONGEST_LINE:
                self._ahead, self.first_line = [(number, line)], number
                return line.decode(errors="replace") if len(line) <= LONGEST_LINE else ""
        return ""

    def drop(self) -> None:
        """Leave out the line that was peeked at."""
        self._ahead = []

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        number, line = self._ahead.pop() if self._ahead else next(self._lines)
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


def read_csv(blocks: Iterator[Block], reading: Reading) -> Iterator[People]:
    """The people of these lines; faults go into the reading. Blank lines are skipped."""
    feed = _Feed(chain.from_iterable(map(Block.lines, blocks)))
    first = feed.peek()
    separator = separator_in(first)
    if separator is not None:
        feed.drop()
        first = feed.peek()
    try:
        dialect = dialect_of(first, reading.hints, separator)
    except DialectError as error:
        reading.faults.add(feed.first_line, "", str(error))
        return
    reading.recognised.parts += ["CSV", dialect.words]
    yield from read_rows(_rows(feed, dialect), reading)


def _rows(feed: _Feed, dialect: Dialect) -> Iterator[Row]:
    reader = csv.reader(feed, strict=True, delimiter=dialect.separator, skipinitialspace=dialect.spaced)
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
