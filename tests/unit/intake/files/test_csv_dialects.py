"""The same people in any dialect that programs give a table are the same people."""

import codecs
import gzip
import io
import json
import random
from itertools import product

import pytest

from domain.requests import Subject
from intake.files.hints import read_hints
from intake.files.reader import UnusableInputError, read_blocks, read_numbered, read_people
from intake.files.reading import Bounds, Reading
from tests.table_rows import each_row

PEOPLE: list[Subject] = [
    {"user_id": "u-71", "email": "ann@example.org", "phone_number": "+821012345678"},
    {"user_id": 'K"7;2, x|y', "email": "o'neil+x@example.org"},
    {"user_id": "müşteri-가3", "phone_number": "+905321234567"},
]
HEADERS = [
    ("user_id", "email", "phone_number"),
    ("User-ID", "E-mail", "Mobile Phone"),
    ("Customer ID", "Email Address", "PHONE NO."),
    ("Kundennummer", "E-Mail-Adresse", "Handynummer"),
    ("Müşteri No", "E-POSTA", "Cep Telefonu"),
    ("회원번호", "이메일", "휴대폰 번호"),
    ("N° client", "Adresse électronique", "Téléphone"),
    ("Número de cliente", "Correo electrónico", "Teléfono móvil"),
]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le+mark", "utf-16-be+mark"]
NEWLINES = ["\n", "\r\n", "\r"]
QUOTING = ["needed", "all"]
TAILS = ["", "empty columns", "empty rows", "both", "sep"]


def cell(text: str, separator: str, quoting: str) -> str:
    return '"' + text.replace('"', '""') + '"' if quoting == "all" or set(text) & {separator, '"', " "} else text


def table(separator: str, header: tuple[str, ...], quoting: str, newline: str, tail: str, *, spaced: bool) -> str:
    rows = [list(header), *([str(person.get(name, "")) for name in HEADERS[0]] for person in PEOPLE)]
    if tail in ("empty columns", "both"):
        rows = [[*row, "", ""] for row in rows]
    between = separator + (" " if spaced else "")
    lines = [between.join(cell(text, separator, quoting) if text else "" for text in row) for row in rows]
    if tail in ("empty rows", "both"):
        lines += [separator * (len(rows[0]) - 1)] * 3
    if tail == "sep":
        lines = [f"sep={separator}", *lines]
    return newline.join(lines) + newline


def encoded(text: str, encoding: str) -> bytes:
    name, _, mark = encoding.partition("+")
    marks = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
    return (marks[name] if mark else b"") + text.encode(name)


DIALECTS = list(product(",;\t|", HEADERS, QUOTING, NEWLINES, TAILS, [False, True], ENCODINGS, [False, True]))


@each_row("part", range(8), thinned=4)
def test_the_same_people_in_any_dialect_are_the_same_people(part: int) -> None:
    # Every value of each of these meets every other in some of the draws; all of them together are 19,200 files.
    for dialect in random.Random(part).sample(DIALECTS, 125):
        separator, header, quoting, newline, tail, spaced, encoding, packed = dialect
        data = encoded(table(separator, header, quoting, newline, tail, spaced=spaced), encoding)
        data = gzip.compress(data) if packed else data
        first = 3 if tail == "sep" else 2
        assert list(read_numbered(io.BytesIO(data))) == list(enumerate(PEOPLE, start=first)), dialect


def read(data: bytes, **hints: object) -> list[Subject]:
    return list(read_people(io.BytesIO(data), None, read_hints(**hints)))


def faults_of(data: bytes, **hints: object) -> list[tuple[int, str, str]]:
    with pytest.raises(UnusableInputError) as raised:
        read(data, **hints)
    return [tuple(fault) for fault in raised.value.faults]


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@each_row(
    "text", ["user_id\nu-7\n", "user_id\r\nu-7\r\n", "회원번호\nu-7\n", "회원번호;이메일;휴대폰번호\r\nu-7;;\r\n;;\r\n"]
)
def test_utf16_without_a_mark_is_told_by_its_zeros(codec: str, text: str) -> None:
    assert read(text.encode(codec)) == [{"user_id": "u-7"}]


@each_row("codec", ["cp1254", "cp1252", "latin-1", "cp949", "shift-jis"])
def test_text_that_is_not_unicode_is_refused_and_not_called_so(codec: str) -> None:
    name = {"cp1254": "Müşteri", "cp949": "회원", "shift-jis": "会員"}.get(codec, "Müller")
    reading = Reading()
    assert list(read_blocks(io.BytesIO(f"user_id;{name}\nu-7;x\n".encode(codec)), reading)) == []
    (fault,) = reading.faults.kept
    assert (fault.line, "save the file as CSV UTF-8" in fault.problem) == (1, True)
    assert "text that is not UTF-8" in reading.recognised.kind


@each_row(
    "above",
    ["Löschliste Q3\n", "Löschliste;;\n;;\n", ";;\n", "Stand: 1.10.;Abt. CRM;\nvon:;A. Meier;\n", '"Liste, ""neu"""\n'],
)
def test_a_title_above_the_names_of_columns_is_named_by_where_they_are(above: str) -> None:
    lines = above.count("\n")
    ((line, _, problem),) = faults_of(f"{above}Kundennummer;E-Mail;Telefon\n7;a@example.org;\n".encode())
    assert (line, problem) == (
        1,
        f"names no column, and line {lines + 1} does: take out what stands above line {lines + 1}",
    )


def test_people_are_not_taken_for_names_of_columns_below_them() -> None:
    ((_, _, problem),) = faults_of(b"u-7,ann@example.org\nu-8,mail\nemail,u-9\n")
    assert "has no known column" in problem


def test_a_row_of_one_cell_is_told_in_words_that_agree() -> None:
    ((_, _, problem),) = faults_of(b"user_id,email\nu-7\n")
    assert problem.startswith("has 1 cell where the header has 2:")


def test_a_separator_that_cannot_be_told_is_not_guessed() -> None:
    ((line, _, problem),) = faults_of(b"user_id;email,phone\nu;a@x.org,7\n")
    assert line == 1
    assert "sep=;" in problem
    assert read(b"sep=,\nuser_id,email\nu-7,a@example.org\n") == [{"user_id": "u-7", "email": "a@example.org"}]


@pytest.mark.parametrize("row", [b",,", b", ,"])
def test_an_empty_row_within_the_table_is_somebody_who_was_lost(row: bytes) -> None:
    table = b"user_id,email,phone\nu-7,,\n" + row + b"\n" + row + b"\nu-8,,\n"
    assert [line for line, _, _ in faults_of(table)] == [3, 4]
    assert len(read(b"user_id,email,phone\nu-7,,\n" + (row + b"\n") * 500)) == 1


def test_a_value_below_no_name_is_not_left_out() -> None:
    assert [fault[:2] for fault in faults_of(b"user_id,email,,\nu-7,,,\nu-8,,x,\n")] == [(3, "column 3")]
    assert [fault[:2] for fault in faults_of(b"user_id,email\nu-7,\nu-8,,x\n")] == [(3, "")]
    assert read(b"user_id,email\nu-7,,,\n") == [{"user_id": "u-7"}]


def test_a_header_that_came_again_is_nobody() -> None:
    faults = faults_of(b"Kundennummer\nu-7\nKundennummer\nu-8\n")
    assert [fault[:2] for fault in faults] == [(3, "")]


def test_spaces_of_single_cells_are_not_taken_for_a_dialect() -> None:
    assert [fault[:2] for fault in faults_of(b"user_id,email\nu-7, a@example.org\n")] == [(2, "email")]


def test_a_gzip_file_is_bounded_by_what_is_in_it_and_must_be_whole() -> None:
    packed = gzip.compress(b"user_id\n" + b"u-7\n" * 50_000)
    reading = Reading(bounds=Bounds(text_bytes=100_000))
    assert sum(len(people.subjects) for people in read_blocks(io.BytesIO(packed), reading)) < 50_000
    assert "100,000 bytes" in reading.faults.kept[0].problem
    for damaged in (packed[:-20], packed[:10], packed[:40] + b"x" * 20 + packed[60:]):
        assert "damaged gzip" in faults_of(damaged)[-1][2]


ARRAYS = [json.dumps(PEOPLE), json.dumps(PEOPLE, indent=2), json.dumps(PEOPLE, ensure_ascii=False, indent=1) + "\n\n"]


@pytest.mark.parametrize("text", ARRAYS)
@pytest.mark.parametrize("block", [1, 7, 16_384])
def test_an_array_holds_the_same_people(text: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intake.files.lines.BLOCK_BYTES", block)
    assert read(text.encode()) == PEOPLE
    assert read(text.encode("utf-16")) == PEOPLE


@each_row(
    ("text", "lines"),
    [
        ('[{"user_id": "u-7"},\n{"user_id": "u-8"}', [2]),
        ('[{"user_id": "u-7"}', [1]),
        ('[{"user_id": "u-7"},\n]', [2]),
        ('[{"user_id": "u-7"},,{"user_id": "u-8"}]', [1]),
        ('[{"user_id": "u-7"}]\n[]', [2]),
        ('[{"user_id": "u-7"}]\nx', [2]),
        ('[{"user_id": "u-7"}\n{"user_id": "u-8"}]', [1]),
        ('[{"user_id": "u-7"]', [1]),
        ('[{"user_id": "u-7"},\n\n"u-8", 7, null]', [3, 3, 3]),
        ('[{"user_id": "u]", "email": "x"}]', [1]),
        ("[", [1]),
        ("[]", [1]),
        ("[[[[", [1]),
        ('["' + "x" * 90_000, [1]),
    ],
)
def test_what_is_wrong_in_an_array_is_told_by_line(text: str, lines: list[int]) -> None:
    assert [fault[0] for fault in faults_of(text.encode())] == lines


def test_a_fault_in_an_array_on_one_line_says_which_person() -> None:
    ((_, field, problem),) = faults_of(b'[{"user_id": "u-7"}, {"email": "ann"}, {"user_id": "u-8"}]')
    assert (field, problem.endswith("(person 2 of the array)")) == ("email", True)
