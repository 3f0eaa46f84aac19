"""Reads NDJSON: one JSON object a line, each a person."""

from collections.abc import Iterator

from domain.json_size import refuse_crowd
from domain.noticed import Noticed
from domain.plain import read_plain
from domain.twins import CrowdError
from intake.files.faults import Faults
from intake.files.lines import BLOCK_BYTES, LONGEST_LINE, NOT_UTF8, TOO_LONG, Block, Lines
from intake.files.people import People
from tasks.subjects import SubjectError, parse_subject

MOST_VALUES = 2_000
"""Limit on the values of one person. The largest that we accept has less than a hundred."""
TOO_MANY = f"has more than {MOST_VALUES:,} values: give each person a line, with their identifiers alone"


def read_ndjson(blocks: Iterator[Block], faults: Faults, noticed: Noticed) -> Iterator[People]:
    """The people of these lines; faults go into `faults`. Blank lines are skipped."""
    for block in blocks:
        # Long lines are read one by one, so that their values are counted before they are parsed.
        people = read_plain(block.text, len(block.numbers)) if len(block.text) < 2 * BLOCK_BYTES else None
        if people is None:
            yield from _each(block.lines(), faults, noticed)
        else:
            noticed.file_lines.extend(block.numbers)
            yield People(block.numbers, people)


def _each(lines: Lines, faults: Faults, noticed: Noticed) -> Iterator[People]:
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
                yield People((number,), (subject,))


def _note(faults: Faults, number: int, line: bytes, error: SubjectError) -> None:
    """The parser only says that a line is not JSON. These are causes that a person does not see."""
    try:
        line.decode()
    except UnicodeDecodeError:
        faults.add(number, "", NOT_UTF8)
        return
    if b"\0" in line:
        faults.add(number, "", "has a NUL byte: save the file as text in UTF-8")
    else:
        faults.add_all(number, error.faults)
