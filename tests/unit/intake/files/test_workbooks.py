"""Workbooks hold the same people as the CSV of them; what a cell shows and does not hold is refused by its address."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from domain.moments import NO_DAY_OR_MOMENT
from domain.requests import Subject
from intake.files.hints import read_hints
from intake.files.reader import Fault, UnusableInputError, read_blocks, read_numbered
from intake.files.reading import Bounds, Reading
from intake.files.workbooks import child
from intake.files.workbooks.number_formats import ODD, padding_of
from tests.unit.intake.files.workbooks import FORMATS, Raw, Rows, ods, packed, xlsx

BOTH = pytest.mark.parametrize("write", [xlsx, ods])
HEADER = ("Kundennummer", "E-Mail", "Telefon")


def read(data: bytes, **hints: Any) -> list[tuple[int, Subject]]:
    return list(read_numbered(io.BytesIO(data), None, read_hints(**hints)))


def faults_of(data: bytes, **hints: Any) -> list[Fault]:
    with pytest.raises(UnusableInputError) as raised:
        read(data, **hints)
    return list(raised.value.faults)


@BOTH
def test_a_workbook_holds_the_people_of_its_rows(write: Callable[[Rows], bytes]) -> None:
    rows: Rows = [
        (),
        HEADER,
        ("K-7", "ann@example.org", "010-1234-5678", None),
        (),
        (Raw("70000123"), None, "+821012345678"),
        (Raw("999999999999999"), "müller@example.org"),
        (None, None, None, None),
        ("", ""),
    ]
    assert read(write(rows), region="KR") == [
        (3, {"user_id": "K-7", "email": "ann@example.org", "phone_number": "+821012345678"}),
        (5, {"user_id": "70000123", "phone_number": "+821012345678"}),
        (6, {"user_id": "999999999999999", "email": "müller@example.org"}),
    ]


UNUSABLE = {
    "long": (Raw("1000000000000000"), "15 digits"),
    "longer": (Raw("1.23456789012346E+19"), "15 digits"),
    "fraction": (Raw("12345.5"), "fraction"),
    "boolean": (Raw("1", "b"), "truth value"),
    "date": (Raw("45000", style=2), "date"),
    "error": (Raw("#N/A", "e"), "error"),
    "formula": (Raw(None, formula="A1&B1"), "formula"),
    "an empty value of a formula": (Raw("", formula="A1"), "formula"),
    "letters before the number": (Raw("123", style=4), "format"),
    "a hyphen in the number": (Raw("1234567", style=5), "format"),
    "percent": (Raw("5", style=6), "format"),
    "a negative one that is padded": (Raw("-12", style=1), "format"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_a_cell_holds_and_does_not_show_is_refused_by_its_address(name: str) -> None:
    cell, words = UNUSABLE[name]
    data = xlsx([("Notiz", *HEADER), (None, "K-7"), (None, cell, "ann@example.org"), (cell, "K-8")])
    (fault,) = faults_of(data, ignored=["Notiz"])
    assert (fault.line, fault.field) == (3, "user_id")
    assert "(cell B3)" in fault.problem
    assert words in fault.problem
    assert "123" not in fault.problem


@pytest.mark.parametrize(
    ("cell", "words"), [(Raw("true", "b"), "truth"), (Raw("1.5"), "fraction"), (Raw("2026-01-02", "d"), "date")]
)
def test_the_same_of_opendocument(cell: Raw, words: str) -> None:
    (fault,) = faults_of(ods([HEADER, ("K-7",), (cell,)]))
    assert (fault.line, "(cell A3)" in fault.problem, words in fault.problem) == (3, True, True)


def test_a_number_is_padded_with_zeros_as_its_format_shows_it() -> None:
    data = xlsx(
        [HEADER, (Raw("123", style=1),), (Raw("1234567", style=1),), (Raw("7010", style=9),), (Raw("71", style=7),)]
    )
    assert [person["user_id"] for _, person in read(data)] == ["00123", "1234567", "0000007010", "71"]


def test_opendocument_with_a_padding_format_gives_no_numbers() -> None:
    style = '<number:number-style style:name="N1"><number:number number:min-integer-digits="5"/></number:number-style>'
    (fault,) = faults_of(ods([HEADER, ("K-7",), (Raw("123"),)], styles=style))
    assert (fault.line, "format" in fault.problem) == (3, True)
    assert len(read(ods([HEADER, ("K-7",), (Raw("123"),)], styles=style.replace('"5"', '"1"')))) == 2


@pytest.mark.parametrize(
    ("code", "width"),
    [
        ("General", None),
        ("0", None),
        ("#,##0", None),
        ("0.00", None),
        ("@", None),
        ("#", None),
        ("_(* #,##0_);_(* (#,##0)", None),
        ("[Red]0;0", None),
        ("00000", 5),
        ("00000;-00000", 5),
        ("[$-409]000", 3),
        ("000-0000", ODD),
        ('"K"0', ODD),
        ("0%", ODD),
        ("0.0E+00", ODD),
        ("#,", ODD),
        ("00 00", ODD),
        ("dd.mm.yyyy", ODD),
        ("# ?/?", ODD),
    ],
)
def test_formats(code: str, width: int | None) -> None:
    assert padding_of(code) == width


def test_a_day_is_taken_where_a_day_is_wanted() -> None:
    data = xlsx([("user_id", "Request date"), ("K-7", Raw("45000", style=2))])
    assert read(data)[0][1]["asked_at"].date().isoformat() == "2023-03-15"
    (fault,) = faults_of(xlsx([("user_id", "Request date"), ("K-7", Raw("45000.5", style=2))]))
    assert fault[1:] == ("asked_at", f"(cell B2) {NO_DAY_OR_MOMENT}")


@BOTH
def test_of_several_sheets_one_must_be_named(write: Callable[[Any], bytes]) -> None:
    several = write({"Kunden": [HEADER, ("K-7",)], "Leer": [()], "Alt": [HEADER, ("K-8",)]})
    (fault,) = faults_of(several)
    for words in ("--sheet", '"Kunden"', '"Alt"'):
        assert words in fault.problem
    assert read(several, sheet="Alt") == [(2, {"user_id": "K-8"})]
    assert '"Kunden"' in faults_of(several, sheet="Neu")[0].problem
    assert "holds nobody" in faults_of(several, sheet="Leer")[0].problem
    assert read(write({"Leer": [()], "Kunden": [HEADER, ("K-7",)]})) == [(2, {"user_id": "K-7"})]
    assert "--sheet" in faults_of(b"user_id\nu-7\n", sheet="Kunden")[0].problem


def compound(stream: str) -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 66_000 + stream.encode("utf-16-le") + b"\0" * 200


ENCRYPTED = b'<manifest:manifest xmlns:manifest="m"><manifest:encryption-data/></manifest:manifest>'
ODS = b"application/vnd.oasis.opendocument.spreadsheet"
OTHERS = {
    "xls": (compound("Workbook"), "1990s"),
    "xls of 1995": (compound("Book"), "1990s"),
    "a password": (compound("EncryptedPackage"), "password"),
    "doc": (compound("WordDocument"), "Word"),
    "ole": (compound("Something"), "old Microsoft Office"),
    "docx": (packed({"word/document.xml": b"<w/>"}), "Word"),
    "pptx": (packed({"ppt/presentation.xml": b"<p/>"}), "presentation"),
    "numbers": (packed({"Index/Document.iwa": b"x"}), "Numbers"),
    "numbers of before": (packed({"Index.zip": b"x"}), "Numbers"),
    "xlsb": (packed({"xl/workbook.bin": b"x"}), "xlsb"),
    "odt": (
        packed({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"<x/>"}),
        "OpenDocument text",
    ),
    "ods with a password": (
        packed({"mimetype": ODS, "META-INF/manifest.xml": ENCRYPTED, "content.xml": b"x"}),
        "password",
    ),
    "zip": (packed({"people.csv": b"user_id\nu-7\n"}), "zip archive"),
    "an empty zip": (packed({}), "zip archive"),
    "half of one": (xlsx([HEADER, ("K-7",)])[:700], "damaged"),
    "a zip of nothing": (b"PK\x03\x04" + b"x" * 90, "damaged"),
    "a part is missing": (packed({"xl/workbook.xml": b"<workbook/>"}), "damaged"),
    "no XML": (packed({"xl/workbook.xml": b"<workbook", "xl/_rels/workbook.xml.rels": b"x"}), "damaged"),
    "nothing in it": (xlsx([]), "nobody"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_workbook_we_read_says_what_it_is(name: str) -> None:
    data, words = OTHERS[name]
    (fault,) = faults_of(data)
    assert (fault.line, words in fault.problem) == (1, True), fault
    assert any(do in fault.problem for do in ("save", "take", "give"))


def test_a_workbook_is_bounded_as_it_is_and_unpacked() -> None:
    data = xlsx([HEADER, *[(f"K-{n}",) for n in range(3_000)]])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        unpacked = sum(part.file_size for part in archive.infolist())
    for most in (len(data) - 1, unpacked - 1):
        reading = Reading(bounds=Bounds(workbook_bytes=most))
        assert list(read_blocks(io.BytesIO(data), reading)) == []
        assert "CONSENT_MAX_WORKBOOK_BYTES" in reading.faults.kept[0].problem
    reading = Reading(bounds=Bounds(workbook_bytes=unpacked))
    assert sum(len(people.subjects) for people in read_blocks(io.BytesIO(data), reading)) == 3_000
    assert reading.recognised.kind == 'Excel workbook (.xlsx), sheet "People"'


def test_what_the_process_writes_ends_with_a_word_that_it_is_whole() -> None:
    lines = list(child.lines_of(xlsx([HEADER, ("K-7",)]), None, 1_000_000))
    assert lines == [{"kind": "xlsx", "sheet": "People"}, [list(HEADER), ["K-7", "", ""]], "end"]
    assert len(FORMATS) == 10
