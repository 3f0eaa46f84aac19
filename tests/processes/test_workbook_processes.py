"""A workbook is read in a process of its own, which ends alone."""

import io
import zipfile
from collections.abc import Generator

import psutil

from intake.files.reader import read_blocks
from intake.files.reading import Reading
from tests.unit.intake.files.test_workbooks import HEADER, OTHERS, faults_of, read
from tests.unit.intake.files.workbooks import Raw, Rows, packed, xlsx


def test_a_workbook_that_needs_too_much_memory_ends_its_process_alone() -> None:
    # Two cells, the first and the last that a sheet can have: a program that fills what is between needs 400 GB.
    far = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row></sheetData>'
    data = xlsx([HEADER])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = parts[sheet].replace(b"</sheetData>", far.encode())
    (fault,) = faults_of(packed(parts))
    assert "memory" in fault.problem


def test_the_end_of_a_reader_ends_the_process() -> None:
    before = set(psutil.Process().children())
    rows = read_blocks(io.BytesIO(xlsx([HEADER, *[(f"K-{n}",) for n in range(5_000)]])), Reading())
    assert isinstance(rows, Generator)
    assert next(rows).subjects[0] == {"user_id": "K-0"}
    (reader,) = set(psutil.Process().children()) - before
    rows.close()
    assert not reader.is_running()


def test_the_process_says_the_same() -> None:
    rows: Rows = [HEADER, ("K-7", "müller@example.org"), (Raw("123", style=1),), (Raw("1", "b"),)]
    (fault,) = faults_of(xlsx(rows), sheet="People")
    assert (fault.line, fault.problem.startswith("(cell A4) is a truth value")) == (4, True)
    assert [line for line, _ in read(xlsx(rows[:3]))] == [2, 3]
    assert "password" in faults_of(OTHERS["ods with a password"][0])[0].problem
