"""Submitted files: told apart by their content, read once, in constant memory, as a stream of checked people."""

from collections.abc import Callable, Iterator
from itertools import chain

from domain.noticed import Noticed
from domain.requests import Subject
from intake.files import ole
from intake.files.csv_rows import read_csv
from intake.files.encodings import Ahead, Source, UnreadableError, as_utf8, with_line_feeds
from intake.files.faults import Fault, UnusableInputError
from intake.files.gzipped import Unpacked
from intake.files.hints import NO_HINTS, Hints
from intake.files.json_array import read_array
from intake.files.kinds import GZIP, OLE, UNPACK, ZIP, fault_of_bytes, fault_of_text
from intake.files.lines import Block, blocks_of
from intake.files.ndjson import read_ndjson
from intake.files.people import People
from intake.files.reading import BOUNDS, Bounds, Reading
from intake.files.workbooks.reader import read_workbook

__all__ = ["Fault", "UnusableInputError", "read_blocks", "read_numbered", "read_people"]

BY_FIRST_BYTE: dict[bytes, Callable[[Iterator[Block], Reading], Iterator[People]]] = {
    b"{": read_ndjson,
    b"[": read_array,
}
"""Text that begins otherwise is CSV."""


NO_SHEETS = "has no sheets, for it is no workbook: leave out --sheet"


def read_people(
    file: Source, noticed: Noticed | None = None, hints: Hints = NO_HINTS, bounds: Bounds = BOUNDS
) -> Iterator[Subject]:
    """The people of a file, in order; otherwise like `read_numbered`."""
    return chain.from_iterable(people.subjects for people in _whole(file, noticed, hints, bounds))


def read_numbered(
    file: Source, noticed: Noticed | None = None, hints: Hints = NO_HINTS, bounds: Bounds = BOUNDS
) -> Iterator[tuple[int, Subject]]:
    """The people of a file, in order, each with the number of their line. `noticed` says what is allowed, and is told
    what was left aside and on which lines the people stand. `hints` is what the submitter says of the file.

    After the first fault no more people are returned, but the rest is validated too, so that the UnusableInputError
    names all faults. Raises OSError where the file cannot be read.
    """
    return chain.from_iterable(
        zip(people.lines, people.subjects, strict=True) for people in _whole(file, noticed, hints, bounds)
    )


def _whole(file: Source, noticed: Noticed | None, hints: Hints, bounds: Bounds) -> Iterator[People]:
    reading = Reading(hints, bounds, noticed or Noticed())
    for people in read_blocks(file, reading):
        if not reading.faults.total:
            yield people
    if reading.faults.total:
        raise reading.faults.error()


def read_blocks(file: Source, reading: Reading) -> Iterator[People]:
    """All people of a file who can be taken, also after a fault. What cannot be taken is noted in the reading's faults,
    and what the file is in what it recognised. Raises OSError where the file cannot be read."""
    anybody = False
    try:
        for people in _recognised(file, reading):
            anybody = True
            yield people
    except UnreadableError as error:
        reading.faults.add(error.line, "", str(error))
    if not anybody and not reading.faults.total:
        reading.faults.add(1, "", "holds nobody: give a line for each person")


def _recognised(file: Source, reading: Reading) -> Iterator[People]:
    ahead = Ahead(file)
    if ahead.head.startswith(GZIP):
        reading.recognised.parts.append("gzip")
        ahead = Ahead(Unpacked(ahead, reading.bounds.text_bytes))
        if ahead.head.startswith((GZIP, OLE, *ZIP)):
            raise UnreadableError(f"is a workbook or an archive within a gzip file: {UNPACK}")
    if ahead.head.startswith(ZIP):
        yield from read_workbook(ahead, reading)
        return
    if reading.hints.sheet is not None:
        reading.faults.add(1, "", NO_SHEETS)
    if ahead.head.startswith(OLE):
        ole.refuse(ahead, reading.bounds.workbook_bytes)
    if problem := fault_of_bytes(ahead.head):
        raise UnreadableError(problem)
    text, encoding = as_utf8(ahead)
    reading.recognised.parts.append(encoding)
    ahead = Ahead(text)
    if problem := fault_of_text(ahead.head):
        raise UnreadableError(problem)
    blocks = blocks_of(with_line_feeds(ahead))
    first = next((block for block in blocks if not block.is_blank()), None)
    if first is not None:
        read = BY_FIRST_BYTE.get(first.text.lstrip()[:1], read_csv)
        yield from read(chain([first], blocks), reading)
