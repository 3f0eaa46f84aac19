"""Submitted files: NDJSON or CSV, read once, in constant memory, as a stream of checked people."""

from collections.abc import Iterator
from itertools import chain
from pathlib import PurePath
from typing import IO

from domain.noticed import Noticed
from domain.requests import Subject
from intake.files.csv_rows import read_table
from intake.files.faults import Fault, Faults, UnusableInputError
from intake.files.lines import is_blank, numbered_lines
from intake.files.ndjson import read_ndjson

__all__ = ["Fault", "UnusableInputError", "read_numbered", "read_people"]

READERS = {".csv": read_table, ".ndjson": read_ndjson, ".jsonl": read_ndjson, ".json": read_ndjson}
"""By the file's suffix. Without one that is known, a file that begins with `{` is NDJSON and any other CSV."""


def read_people(file: IO[bytes], name: str = "-", noticed: Noticed | None = None) -> Iterator[Subject]:
    """The people of a file, in order; otherwise as `read_numbered`."""
    return (subject for _, subject in read_numbered(file, name, noticed))


def read_numbered(file: IO[bytes], name: str = "-", noticed: Noticed | None = None) -> Iterator[tuple[int, Subject]]:
    """The people of a file, in order, each with the number of their line. `name` only tells the format, by its suffix.
    `noticed` says what is allowed, and is told what was left aside and on which lines the people stand.

    From the first fault on nobody is given any more, but the rest is read and checked too, so that one raised
    UnusableInputError tells of all of it. Raises OSError where the file cannot be read.
    """
    faults, anybody = Faults(), False
    lines = numbered_lines(file)
    first = next(((number, line) for number, line in lines if not is_blank(line)), None)
    if first is not None:
        by_content = read_ndjson if first[1].lstrip().startswith(b"{") else read_table
        read = READERS.get(PurePath(name).suffix.lower(), by_content)
        for numbered in read(chain([first], lines), faults, noticed or Noticed()):
            anybody = True
            if not faults.total:
                yield numbered
    if not anybody and not faults.total:
        faults.add(1, "", "holds nobody: give a line for each person")
    if faults.total:
        raise faults.error()
