"""NDJSON: one JSON object a line, each of them a person."""

from collections.abc import Iterable, Iterator

from domain.json_size import refuse_crowd
from domain.noticed import Noticed
from domain.plain import read_plain
from domain.requests import Subject
from domain.twins import CrowdError
from intake.files.faults import Faults
from intake.files.lines import LONGEST_LINE, NOT_UTF8, TOO_LONG, Lines, in_blocks
from tasks.subjects import SubjectError, parse_subject

MOST_VALUES = 2_000
"""Of one person. The largest we accept has under a hundred."""
TOO_MANY = f"has more than {MOST_VALUES:,} values: give each person a line, with their identifiers alone"


def read_ndjson(lines: Lines, faults: Faults, noticed: Noticed) -> Iterator[tuple[int, Subject]]:
    """The people of these lines, each with its number; what cannot be taken is noted in `faults`. Blanks left out."""
    for block in in_blocks(lines):
        numbers, texts = zip(*block, strict=True)
        # A line as long as that is looked at by itself, before any of its values is made.
        people = read_plain(texts) if max(map(len, texts)) < MOST_VALUES else None
        if people is None:
            yield from _each(block, faults, noticed)
        else:
            noticed.file_lines.extend(numbers)
            yield from zip(numbers, people, strict=True)


def _each(lines: Iterable[tuple[int, bytes]], faults: Faults, noticed: Noticed) -> Iterator[tuple[int, Subject]]:
    for number, line in lines:
        if len(line) > LONGEST_LINE:
            faults.add(number, "", TOO_LONG)
        elif not line.isspace():
            try:
                refuse_crowd(line, MOST_VALUES)
                subject = parse_subject(line, noticed)
            except CrowdError:
                faults.add(number, "", TOO_MANY)
            except SubjectError as error:
                _note(faults, number, line, error)
            else:
                noticed.file_lines.add(number)
                yield number, subject


def _note(faults: Faults, number: int, line: bytes, error: SubjectError) -> None:
    """The parser says only that a line is not JSON; these are the reasons that look like JSON to an eye."""
    try:
        line.decode()
    except UnicodeDecodeError:
        faults.add(number, "", NOT_UTF8)
        return
    if b"\0" in line:
        faults.add(number, "", "has a NUL byte: save the file as text in UTF-8")
    else:
        faults.add_all(number, error.faults)
