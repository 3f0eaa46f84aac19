"""Submitted files: NDJSON or CSV, read once, in constant memory, as a stream of validated people."""

from collections.abc import Iterator
from itertools import chain
from pathlib import PurePath
from typing import IO

from domain.noticed import Noticed
from domain.requests import Subject
from intake.files.csv_rows import read_table
from intake.files.faults import Fault, Faults, UnusableInputError
from intake.files.lines import blocks_of
from intake.files.ndjson import read_ndjson
from intake.files.people import People

__all__ = ["Fault", "UnusableInputError", "read_numbered", "read_people"]

READERS = {".csv": read_table, ".ndjson": read_ndjson, ".jsonl": read_ndjson, ".json": read_ndjson}
"""By the file's suffix. Without a known suffix, a file that begins with `{` is NDJSON and any other is CSV."""


def read_people(file: IO[bytes], name: str = "-", noticed: Noticed | None = None) -> Iterator[Subject]:
    """The people of a file, in order; otherwise like `read_numbered`."""
    return chain.from_iterable(people.subjects for people in _read(file, name, noticed or Noticed()))


def read_numbered(file: IO[bytes], name: str = "-", noticed: Noticed | None = None) -> Iterator[tuple[int, Subject]]:
    """The people of a file, in order, each with their line number. The suffix of `name` gives the format. `noticed`
    says what is allowed, and collects empty fields and people's lines.

    After the first fault no more people are returned, but the rest is validated too, so that the UnusableInputError
    names all faults. Raises OSError where the file cannot be read.
    """
    return chain.from_iterable(
        zip(people.lines, people.subjects, strict=True) for people in _read(file, name, noticed or Noticed())
    )


def _read(file: IO[bytes], name: str, noticed: Noticed) -> Iterator[People]:
    faults, anybody = Faults(), False
    blocks = blocks_of(file)
    first = next((block for block in blocks if not block.is_blank()), None)
    if first is not None:
        by_content = read_ndjson if first.text.lstrip().startswith(b"{") else read_table
        read = READERS.get(PurePath(name).suffix.lower(), by_content)
        for people in read(chain([first], blocks), faults, noticed):
            anybody = True
            if not faults.total:
                yield people
    if not anybody and not faults.total:
        faults.add(1, "", "holds nobody: give a line for each person")
    if faults.total:
        raise faults.error()
