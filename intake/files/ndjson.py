"""JSON: an object for each person, one a line or all of them in one array."""

from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json

from domain.json_size import refuse_crowd
from domain.plain import read_plain
from domain.requests import Subject
from domain.twins import CrowdError, TwinsError, refuse_twins
from intake.files.hints import Hints
from intake.files.lines import BLOCK_BYTES, LONGEST_LINE, NOT_UTF8, TOO_LONG, Block, Lines
from intake.files.national import has_numbers_to_translate, translate, worded
from intake.files.people import People
from intake.files.reading import Reading
from tasks.subjects import SubjectError, check_subject, parse_subject

MOST_VALUES = 2_000
"""Limit on the values of one person. The largest that we accept has less than a hundred."""
TOO_MANY = f"has more than {MOST_VALUES:,} values: give each person a line, with their identifiers alone"
NO_COLUMNS = "has no columns, for this is JSON: leave out {0}, and name the fields in the file itself"


def read_ndjson(blocks: Iterator[Block], reading: Reading) -> Iterator[People]:
    """The people of these lines; faults go into the reading. Blank lines are skipped."""
    reading.recognised.parts += ["NDJSON"]
    refuse_column_hints(reading)
    for block in blocks:
        # Long lines are read one by one, so that their values are counted before they are parsed.
        people = read_plain(block.text, len(block.numbers)) if len(block.text) < 2 * BLOCK_BYTES else None
        if people is None:
            yield from read_objects(block.lines(), reading)
        else:
            reading.noticed.file_lines.extend(block.numbers)
            yield People(block.numbers, people)


def refuse_column_hints(reading: Reading) -> None:
    """Note a fault where something is said of columns, of which JSON has none."""
    hints: Hints = reading.hints
    options = (("--map", hints.maps), ("--ignore", hints.ignored), ("--ignore-others", hints.others_ignored))
    said = [option for option, given in options if given]
    if said:
        reading.faults.add(1, "", NO_COLUMNS.format(" and ".join(said)))


def read_objects(objects: Lines, reading: Reading) -> Iterator[People]:
    """The people of these objects, one by one; what is nothing but white space is left out."""
    for number, text in objects:
        if len(text) > LONGEST_LINE:
            reading.faults.add(number, "", TOO_LONG)
        elif not text.isspace():
            try:
                refuse_crowd(text, MOST_VALUES)
                subject = _parse(text, reading)
            except CrowdError:
                reading.faults.add(number, "", TOO_MANY)
            except SubjectError as error:
                _note(reading, number, text, error)
            else:
                reading.noticed.file_lines.add(number)
                yield People((number,), (subject,))


def _parse(text: bytes, reading: Reading) -> Subject:
    region = reading.hints.region
    translated = _translated(text, region) if region else None
    return parse_subject(text, reading.noticed) if translated is None else check_subject(translated, reading.noticed)


def _translated(text: bytes, region: str) -> dict[str, Any] | None:
    """A person with their phone numbers in E.164 form; None where there is nothing to translate, or no person."""
    try:
        record = from_json(text, allow_inf_nan=False)
        if not isinstance(record, dict) or not has_numbers_to_translate(record):
            return None
        refuse_twins(text)
    except (TwinsError, ValueError):
        return None
    translate(record, region)
    return record


def _note(reading: Reading, number: int, text: bytes, error: SubjectError) -> None:
    """The parser only says that a line is not JSON. These are causes that a person does not see."""
    try:
        text.decode()
    except UnicodeDecodeError:
        reading.faults.add(number, "", NOT_UTF8)
        return
    if b"\0" in text:
        reading.faults.add(number, "", "has a NUL byte: save the file as text in UTF-8")
    else:
        reading.faults.add_all(number, worded(error.faults, reading.hints.region))
