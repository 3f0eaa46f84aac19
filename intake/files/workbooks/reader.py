"""Workbooks as tables: what the process that reads them says, as rows and in words."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from pydantic_core import from_json, to_json

from intake.files.encodings import Source, UnreadableError, read_fully
from intake.files.people import People
from intake.files.reading import Reading
from intake.files.table import Row, UnusableCell, read_rows

CHILD = "intake.files.workbooks.child"
AS_XLSX = "save it as an Excel workbook (.xlsx) or as CSV UTF-8"
NAMES = {"xlsx": "Excel workbook (.xlsx)", "ods": "OpenDocument workbook (.ods)"}
PROBLEMS = {
    "xlsb": f"is a binary Excel workbook (.xlsb); {AS_XLSX}",
    "docx": "is a Word document; give the people as a workbook (.xlsx, .ods), CSV or JSON",
    "pptx": "is a presentation; give the people as a workbook (.xlsx, .ods), CSV or JSON",
    "odt": "is an OpenDocument text or drawing; give the people as a workbook (.xlsx, .ods), CSV or JSON",
    "numbers": "is an Apple Numbers spreadsheet; export it: save it as an Excel workbook (.xlsx) or as CSV",
    "zip": "is a zip archive; take the file of people out of it, and submit that",
    "password": "is a workbook with a password: take the password off, save it, and submit it again",
    "damaged": f"is a damaged workbook: open it, {AS_XLSX}, and submit that",
    "empty": "holds nobody: give a line for each person",
}
TOO_LARGE = (
    "is a workbook of more than {0:,} bytes, as it is or unpacked (CONSENT_MAX_WORKBOOK_BYTES): save it as CSV UTF-8"
)
DIED = (
    "is a workbook that takes too much memory or time to read: delete what stands beside and below the people, or "
    "save it as CSV UTF-8"
)
AS_TEXT = "format the column as text, and give the identifier as it was before"
CELLS = {
    "boolean": f"is a truth value: {AS_TEXT}",
    "fraction": f"is a number with a fraction: {AS_TEXT}",
    "long": f"is a number of more than 15 digits, of which spreadsheets lose the last: {AS_TEXT}",
    "date": f"is a date: {AS_TEXT}",
    "format": f"is a number whose format shows something else than its digits: {AS_TEXT}",
    "error": "is an error of the spreadsheet: give the identifier, or leave the cell empty",
    "formula": "is a formula that was not worked out: open the workbook, save it, and submit it again",
}
SHOWN = 10


def read_workbook(file: Source, reading: Reading) -> Iterator[People]:
    """The people of a workbook's sheet; faults go into the reading. Raises UnreadableError."""
    most = reading.bounds.workbook_bytes
    data = read_fully(file, most + 1)
    if len(data) > most:
        raise UnreadableError(TOO_LARGE.format(most))
    with _child(data, reading.hints.sheet, most) as lines:
        del data
        first = _parsed(next(lines, b""))
        reading.recognised.sheets = first.get("sheets", ())
        if "problem" in first:
            raise UnreadableError(_problem(first, most))
        reading.recognised.sheet = first["sheet"]
        reading.recognised.parts += [NAMES[first["kind"]], f'sheet "{first["sheet"]}"']
        yield from read_rows(_rows(lines), reading, typed=True)


@contextmanager
def _child(data: bytes, sheet: str | None, most: int) -> Iterator[Iterator[bytes]]:
    """What the process that reads this workbook writes. It is given nothing of ours, and ends with us."""
    command = [sys.executable, "-I", "-m", CHILD]
    needed = {name: value for name, value in os.environ.items() if name == "LD_LIBRARY_PATH"}
    with subprocess.Popen(  # noqa: S603 - a module of ours, with no argument
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=needed
    ) as child:
        try:
            assert child.stdin and child.stdout  # noqa: PT018, S101 - for the type checker: both are pipes
            _give(child.stdin, to_json([most, sheet]) + b"\n", data)
            yield iter(child.stdout)
        finally:
            child.kill()


def _give(stdin: IO[bytes], *pieces: bytes) -> None:
    try:
        stdin.writelines(pieces)
        stdin.close()
    except BrokenPipeError:
        pass  # it has died, and has said nothing


def _parsed(line: bytes) -> Any:
    """A line of the process. Raises UnreadableError where it was cut off."""
    try:
        return from_json(line)
    except ValueError:
        raise UnreadableError(DIED) from None


def _rows(lines: Iterator[bytes]) -> Iterator[Row]:
    number = 0
    for line in lines:
        rows = _parsed(line)
        if rows == "end":
            return
        if isinstance(rows, dict):
            raise UnreadableError(PROBLEMS["damaged"], number + 1)
        for row in rows:
            number += 1
            if any(row):
                yield number, row if _are_texts(row) else _with_unusable(number, row)
    raise UnreadableError(DIED)


def _are_texts(row: list[Any]) -> bool:
    return list not in map(type, row)


def _with_unusable(number: int, row: list[Any]) -> list[str]:
    return [cell if isinstance(cell, str) else _unusable(number, place, *cell) for place, cell in enumerate(row)]


def _unusable(row: int, column: int, code: str, as_text: str = "") -> UnusableCell:
    return UnusableCell(f"{_letters(column)}{row}", CELLS[code], as_text)


def _letters(place: int) -> str:
    return (_letters(place // 26 - 1) if place >= 26 else "") + chr(ord("A") + place % 26)


def _problem(said: dict[str, Any], most: int) -> str:
    sheets = [f'"{name}"' for name in said.get("sheets", ())]
    listed = ", ".join(sheets[:SHOWN]) + (f" and {len(sheets) - SHOWN:,} more" if len(sheets) > SHOWN else "")
    match said["problem"]:
        case "too_large":
            return TOO_LARGE.format(most)
        case "several_sheets":
            return f"has several sheets with something in them: give the one to read (--sheet NAME): {listed}"
        case "no_such_sheet":
            return f"has no sheet of the name that --sheet gives: give one of {listed}"
        case code:
            return PROBLEMS[code]
