"""The process that reads one workbook: from standard input, to lines of JSON. Whatever is in the file, it takes no more
than so much memory and time, and knows no secret.

First a line that says what the workbook is, or why it cannot be read; then lines of some rows each; at last `"end"`. A
cell is a text, or a list of a code and perhaps a text where its value cannot be an identifier.
"""

import io
import json
import resource
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from xml.etree import ElementTree
from xml.parsers.expat import ExpatError

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, load_workbook

from intake.files.workbooks.archive import DAMAGED, NoWorkbookError, kind_of
from intake.files.workbooks.number_formats import ODD, odd_styles, pads_with_zeros
from intake.files.workbooks.sheet_marks import Mark, Marks, is_worth_looking, marks_of

LARGEST_INTEGER = 10**15
"""From here on a spreadsheet has lost the last digits."""
CPU_S = 300
ROWS = 100
"""In a line: enough to hide what a line costs."""
Cell = str | list[str]


def bound(most: int) -> None:
    """Take no more memory than a workbook of so many bytes can need, no more time, and write no file."""
    memory = 1_000_000_000 + 3 * most
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def lines_of(data: bytes, sheet: str | None, most: int) -> Iterator[object]:
    """What is written, a line each."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            kind = kind_of(archive, most)
            workbook = load_workbook(io.BytesIO(data))
            names = [one.name for one in workbook.sheets_metadata if one.typ is SheetTypeEnum.WorkSheet]
            found = _sheet(workbook, names, sheet)
            yield {"kind": kind, "sheet": found.name} | ({"sheets": names} if len(names) > 1 else {})
            rows = _rows(found, archive, kind)
            yield from iter(lambda: list(islice(rows, ROWS)), [])
            yield "end"
    except NoWorkbookError as error:
        yield {"problem": error.code, **error.more}
    except (CalamineError, zipfile.BadZipFile, ExpatError, ElementTree.ParseError, OSError, ValueError, KeyError):
        # ValueError, KeyError: of parts that are not what the format says.
        yield {"problem": DAMAGED}


def _sheet(workbook: CalamineWorkbook, names: Sequence[str], name: str | None) -> CalamineSheet:
    """The sheet of this name, which must be one of `names`; or the only one with anything in it."""
    if name is not None:
        if name not in names:
            raise NoWorkbookError("no_such_sheet", sheets=names)
        return workbook.get_sheet_by_name(name)
    full: list[CalamineSheet] = []
    for each in names:
        sheet = workbook.get_sheet_by_name(each)
        if any(any(cell != "" for cell in row) for row in sheet.iter_rows()):
            full.append(sheet)
        if len(full) > 1:
            raise NoWorkbookError("several_sheets", sheets=names)
    if not full:
        raise NoWorkbookError("empty")
    return full[0]


def _rows(sheet: CalamineSheet, archive: zipfile.ZipFile, kind: str) -> Iterator[list[Cell]]:
    pads = kind == "ods" and any(
        pads_with_zeros(archive.read(part)) for part in ("content.xml", "styles.xml") if part in archive.namelist()
    )
    marks = _marks(archive, sheet.name) if kind == "xlsx" else iter(())
    waiting = next(marks, None)
    for number, row in enumerate(sheet.iter_rows(), start=1):
        cells: list[Cell] = [value if isinstance(value, str) else _cell(value) for value in row]
        if pads:
            cells = [
                ["format"] if isinstance(value, float | int) and not isinstance(value, bool) else cell
                for value, cell in zip(row, cells, strict=True)
            ]
        while waiting is not None and waiting[0] < number:
            waiting = next(marks, None)
        if waiting is not None and waiting[0] == number:
            _mark(cells, waiting[1])
        yield cells


def _cell(value: object) -> Cell:
    """Of a value that is no text."""
    if isinstance(value, bool):
        return ["boolean"]
    if isinstance(value, int | float):
        if value != int(value):
            return ["fraction"]
        return str(int(value)) if abs(value) < LARGEST_INTEGER else ["long"]
    if isinstance(value, datetime):
        return ["date"]
    return ["date", value.isoformat()] if isinstance(value, date) else ["date"]


def _mark(cells: list[Cell], marks: Marks) -> None:
    for place, mark in marks.items():
        if place >= len(cells):  # nothing but such cells stand there
            cells.extend([""] * (place + 1 - len(cells)))
        cells[place] = _marked(cells[place], mark)


def _marked(cell: Cell, mark: Mark) -> Cell:
    if isinstance(mark, str):
        return [mark]
    if isinstance(cell, list):
        return cell
    if mark == ODD or cell.startswith("-"):
        return ["format"]
    return cell.zfill(mark)


def _marks(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[int, Marks]]:
    part = _part_of(archive, name)
    styles: Mapping[int, int] = {}
    if "xl/styles.xml" in archive.namelist():
        styles = odd_styles(archive.read("xl/styles.xml"))
    with archive.open(part) as sheet:
        needed = bool(styles) or is_worth_looking(sheet)
    if needed:
        with archive.open(part) as sheet:
            yield from marks_of(sheet, styles)


def _part_of(archive: zipfile.ZipFile, name: str) -> str:
    """The part that holds the sheet of this name."""
    targets = {
        one.get("Id"): one.get("Target", "") for one in _elements(archive, "xl/_rels/workbook.xml.rels", "Relationship")
    }
    for sheet in _elements(archive, "xl/workbook.xml", "sheet"):
        if sheet.get("name") == name:
            key = next(value for attribute, value in sheet.attrib.items() if attribute.endswith("}id"))
            target = targets[key]
            return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    raise NoWorkbookError(DAMAGED)


def _elements(archive: zipfile.ZipFile, part: str, name: str) -> Iterable[ElementTree.Element]:
    root = ElementTree.fromstring(archive.read(part))  # noqa: S314 - in a process that is bounded and may die
    return (one for one in root.iter() if one.tag.rpartition("}")[2] == name)


def main() -> None:
    """Read the workbook on standard input, behind a line of JSON that says how large it may be and which sheet to read;
    the sheet's name may be somebody's, and arguments can be seen by all users of a machine."""
    most, sheet = json.loads(sys.stdin.buffer.readline())
    bound(most)
    write = sys.stdout.write
    for line in lines_of(sys.stdin.buffer.read(), sheet, most):
        write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
