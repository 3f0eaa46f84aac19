"""Submitted files: what is accepted, and how faults are reported."""

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.registry import ADAPTERS
from domain.damaged import damage_of
from domain.nobody import is_nobody, is_nobodys_email
from domain.requests import Subject
from intake.files.columns import known_columns
from intake.files.faults import KEPT
from intake.files.lines import LONGEST_LINE, TOO_LONG
from intake.files.ndjson import TOO_MANY
from intake.files.reader import Fault, UnusableInputError, read_numbered, read_people
from tests.examples import examples
from tests.table_rows import each_row

BOTH = pytest.mark.parametrize("name", ["people.csv", "people.ndjson"])
MARK = b"\xef\xbb\xbf"


def read(data: bytes, name: str = "-") -> list[Subject]:
    return list(read_people(io.BytesIO(data)))


def faults_of(data: bytes, name: str = "-") -> UnusableInputError:
    with pytest.raises(UnusableInputError) as raised:
        read(data, name)
    return raised.value


def told(data: bytes, name: str = "-") -> list[tuple[int, str]]:
    return [(fault.line, fault.field) for fault in faults_of(data, name).faults]


def ndjson(*records: Any) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def test_reads_people_in_order_from_both_formats() -> None:
    ann = {"user_id": "u-1", "email": "ann@example.org", "phone_number": "+821012345678"}
    bob = {"vendors": {"akinon": {"session_id": "s", "csrf_token": "t"}, "insider": {"insider_id": "i"}}}
    table = (
        b"user_id,email,phone_number,akinon.session_id,vendors.akinon.csrf_token,insider.insider_id\r\n"
        b"u-1,ann@example.org,+821012345678,,,\r\n"
        b",,,s,t,i\r\n"
    )

    assert read(ndjson(ann, bob)) == read(table) == [ann, bob]


def test_flattened_columns_reach_the_depths_of_a_record() -> None:
    table = (
        b"insider.identifiers.email,insider.identifiers.custom.loyalty_id,vendors.insider.identifiers.custom.a.b\n"
        b"ann@example.org,7,8\n"
    )

    identifiers = {"email": "ann@example.org", "custom": {"loyalty_id": "7", "a.b": "8"}}
    assert read(table) == [{"vendors": {"insider": {"identifiers": identifiers}}}]


def test_a_column_may_be_for_one_account_of_a_vendor() -> None:
    table = b"insider@brand.insider_id,insider.insider_id,vendors.insider@eu.identifiers.custom.a.b\nb-71,i-72,c-73\n"
    blocks = {
        "insider@brand": {"insider_id": "b-71"},
        "insider": {"insider_id": "i-72"},
        "insider@eu": {"identifiers": {"custom": {"a.b": "c-73"}}},
    }
    assert read(table) == [{"vendors": blocks}]


def test_every_text_of_every_vendor_has_a_column() -> None:
    columns = known_columns()

    for vendor, adapter in ADAPTERS.items():
        for field in adapter.identifiers_model.model_fields:
            assert any(column.startswith(f"{vendor}.{field}") for column in columns)
    assert "insider.identifiers" not in columns


@each_row(
    ("name", "data"),
    [
        ("-", b'{"user_id": "u"}'),
        ("-", b'\n \r\n\n{"user_id": "u"}\n'),
        ("-", MARK + b'\n{"user_id": "u"}\n'),
        ("a.JSONL", MARK + b'{"user_id": "u"}\r\n\r\n'),
        ("-", b"user_id\nu"),
        ("-", MARK + b"user_id\r\nu\r\n"),
        ("-", MARK + b"\n\nuser_id\n\n  \nu\n\n"),
        ("a.csv", b'"user_id"\n"u"\n'),
        ("a.txt", b"user_id,email\nu,\n"),
    ],
)
def test_takes_what_editors_and_systems_write(name: str, data: bytes) -> None:
    assert read(data, name) == [{"user_id": "u"}]


@each_row("data", [b"", MARK, b"\n\n", b" \r\n\t\n", MARK + b"\n"])
@each_row("name", ["-", "people.csv", "people.ndjson"])
def test_a_file_with_nothing_in_it_is_refused(name: str, data: bytes) -> None:
    assert faults_of(data, name).faults == (Fault(1, "", "holds nobody: give a line for each person"),)


def test_a_header_without_rows_is_refused() -> None:
    assert faults_of(b"user_id,email\n\n").faults == (Fault(1, "", "holds nobody: give a line for each person"),)


@each_row(
    ("line", "field"),
    [
        (b"not json", ""),
        (b'{"user_id": "u"', ""),
        (b'{"user_id": "u"} {}', ""),
        (b'["u"]', ""),
        (b'"u"', ""),
        (b"null", ""),
        (b"[" * 5_000, ""),
        (b'{"user_id": ' + b"1" * 5_000 + b"}", ""),
        (b'{"user_id": "\xff"}', ""),
        (b'{"user_id": "\\ud800"}', ""),
        (b'{"user_id": "u\0"}', ""),
        (b'{"user_id": "u\\u0000"}', "user_id"),
        (b'{"user_id": 7}', "user_id"),
        (b'{"user_id": "undefined"}', "user_id"),
        (b'{"user_id": " "}', "user_id"),
        (b'{"email": "ann"}', "email"),
        (b'{"phone_number": "010-1234-5678"}', "phone_number"),
        (b"{}", ""),
        (b'{"user_id": null}', ""),
        (b'{"user_id": ""}', "user_id"),
        (b'{"vendors": {"akinon": {}}}', ""),
        (b'{"user_id": "u", "name": "x"}', "name"),
        (b'{"user_id": "u", "vendors": {"acme": {}}}', "vendors.acme"),
        (b'{"user_id": "u", "vendors": {"akinon": {"token": "x"}}}', "vendors.akinon.token"),
        (b'{"user_id": "u", "vendors": {"akinon": []}}', "vendors.akinon"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(line: bytes, field: str) -> None:
    good = b'{"user_id": "u-1"}\n'

    assert told(good + b"\n" + line + b"\n" + good, "a.ndjson") == [(3, field)]


@pytest.mark.parametrize(
    "line",
    [
        b'{"user_id": "u-2", "user_id": "u-3"}',
        b'{"user_id": "u-2", "user\\u005fid": "u-3"}',
        b'{"user_id" : "u-2", "user_id" : "u-3"}',
        b'{"vendors": {"akinon": {"session_id": "s", "session_id": "t"}}}',
    ],
)
def test_the_second_of_two_like_keys_does_not_take_the_place_of_the_first(line: bytes) -> None:
    for good in (b"", b'{"user_id": "u-1"}\n' * 150):
        (fault,) = faults_of(good + line, "a.ndjson").faults
        assert (fault.line, fault.problem) == (good.count(b"\n") + 1, "has a key twice in one object: give it once")


def test_values_that_look_like_keys_are_none() -> None:
    line = b'{"user_id" : "a\\":b", "vendors": {"insider": {"identifiers": {"custom": {"plan": "\\":"}}}}}'
    assert [person["user_id"] for person in read(line, "a.ndjson")] == ['a":b']


@each_row(
    ("row", "field"),
    [
        (b"u", ""),
        (b"u,a@example.org,,extra", ""),
        (b",,", ""),
        (b"\xff,,", ""),
        (b"u\0,,", "user_id"),
        (b"null,,", "user_id"),
        (b" ,,", "user_id"),
        (b",ann,", "email"),
        (b",,010-1234-5678", "phone_number"),
        (b'"u"x,,', ""),
        (b"u\ru,,", ""),
        (b'"u\nu",,', "user_id"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(row: bytes, field: str) -> None:
    table = b"user_id,email,phone_number\n\nu-1,,\n" + row + b"\nu-2,,\n"

    assert told(table) == [(4, field)]


def test_rows_after_a_cell_with_a_line_end_keep_their_line_numbers() -> None:
    assert told(b'user_id,email\n"a\n\nb",\nu,\nu,x\n') == [(2, "user_id"), (6, "email")]


def test_an_open_quote_is_told_where_it_opens() -> None:
    assert told(b'user_id\nu\n"v\nw\n') == [(3, "")]


@pytest.mark.parametrize("header", [b"", b'"', b"\xff", b"ann@example.org,+821012345678", b"user_id;email"])
def test_a_table_without_a_known_header_says_nothing_of_its_first_line(header: bytes) -> None:
    error = faults_of(header + b",\nu,x\n", "people.csv")

    (fault,) = error.faults
    assert (fault.line, error.total) == (1, 1)
    assert "ann" not in str(fault)


def test_columns_that_cannot_be_used_are_told_by_position() -> None:
    error = faults_of(b"user_id,ann@example.org,akinon.session_id,vendors.akinon.session_id,akinon,,user_id\nu\n")

    assert [fault.field for fault in error.faults] == ["column 2", "column 4", "column 5", "column 6", "column 7"]
    assert "akinon.csrf_token" in error.faults[0].problem
    assert error.faults[1].problem.startswith("is the same as column 3: keep one of them")
    assert "ann" not in "".join(map(str, error.faults))


@each_row(
    "column",
    [
        "vendors.user_id",
        "vendors.vendors.akinon.id",
        "insider.identifiers",
        "insider.identifiers.custom",
        "insider.identifiers.custom.",
        "acme.user_id",
        "acme@brand.user_id",
        "insider@.insider_id",
        "insider@x.org",
        "vendors",
        "akinon",
        "USER_ID",
        " user_id",
    ],
)
def test_names_that_look_like_columns_are_none(column: str) -> None:
    assert told(b"user_id," + column.encode() + b"\nu,x\n") == [(1, "column 2")]


@BOTH
def test_a_line_too_long_is_never_held(name: str) -> None:
    class OneLine(io.RawIOBase):
        """`user_id` and then 64 MB without a line end."""

        def __init__(self) -> None:
            self._left = [b"user_id\nu\n" if name.endswith("csv") else b'{"user_id": "u"}\n\n'] + [b"x" * 65_536] * 1024
            self._left.append(b"\nlast" if name.endswith("csv") else b'\n{"user_id": "last"}')

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            piece = self._left.pop(0) if self._left else b""
            if len(piece) > len(buffer):
                self._left.insert(0, piece[len(buffer) :])
            piece = piece[: len(buffer)]
            buffer[: len(piece)] = piece
            return len(piece)

    tracemalloc.start()
    with pytest.raises(UnusableInputError) as raised:
        list(read_people(io.BufferedReader(OneLine())))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert raised.value.faults == (Fault(3, "", TOO_LONG),)
    assert peak < 3_000_000


@BOTH
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_the_longest_line_is_a_line(name: str, end: bytes) -> None:
    # As long as can be, and unusable only for what it says.
    start, rest = (b"user_id\n", b"") if name.endswith("csv") else (b"", b'"}')
    line = (b"" if start else b'{"user_id": "').ljust(LONGEST_LINE - len(rest) - len(end), b"x") + rest + end

    (fault,) = faults_of(start + line, name).faults
    assert fault.field == "user_id"
    (fault,) = faults_of(start + b"x" + line, name).faults
    assert fault.problem.startswith("is longer")


def test_a_row_of_many_lines_is_bounded() -> None:
    table = b'user_id\n"' + b"x" * 50 + b"\n" * 200_000 + b'"\nu\n'

    error = faults_of(table)

    assert error.faults[0] == Fault(2, "", TOO_LONG)
    assert 1 <= error.total <= 3  # the quote that closes seems to open another one


@BOTH
def test_twenty_faults_are_kept_and_the_rest_counted(name: str) -> None:
    header, bad = (b"email\n", b"ann\n") if name.endswith("csv") else (b"", b'{"email": "ann"}\n')

    error = faults_of(header + bad * 1_000, name)

    assert len(error.faults) == KEPT == 20
    assert error.total == 1_000
    assert "ann" not in f"{error!r} {error} {error.faults}"


@BOTH
def test_nobody_is_given_after_the_first_fault(name: str) -> None:
    lines = (
        [b"user_id", b"a", b"null", b"b"] if name.endswith("csv") else [b'{"user_id": "a"}', b"{}", b'{"user_id": "b"}']
    )
    seen: list[Subject] = []
    with pytest.raises(UnusableInputError):
        seen.extend(read_people(io.BytesIO(b"\n".join(lines))))

    assert seen == [{"user_id": "a"}]


@BOTH
def test_memory_does_not_grow_with_the_file(name: str) -> None:
    row = (b"u" * 200 + b"\n") if name.endswith("csv") else (b'{"user_id": "' + b"u" * 200 + b'"}\n')

    class Long(io.RawIOBase):
        left = 400
        rest = b""

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            if not self.rest:
                self.left -= 1
                self.rest = b"user_id\n" if self.left == 399 and name.endswith("csv") else row * 10
                self.rest = self.rest if self.left >= 0 else b""
            piece, self.rest = self.rest[: len(buffer)], self.rest[len(buffer) :]
            buffer[: len(piece)] = piece
            return len(piece)

    tracemalloc.start()
    count = sum(1 for _ in read_people(io.BufferedReader(Long(), 4_096)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count >= 3_990  # 800 kB
    assert peak < 500_000


@settings(deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["-", "people.csv", "people.ndjson"]))
def test_any_bytes_are_people_or_unusable(data: bytes, name: str) -> None:
    check_any(data, name)


def check_any(data: bytes, name: str) -> None:
    try:
        people, error = read(data, name), None
    except UnusableInputError as raised:
        people, error = [], raised

    assert people or (error and 1 <= len(error.faults) <= error.total)


JSONISH = st.sampled_from(
    ['{"user_id":', '"u"', "}", "{", "[", '"vendors":', '"akinon"', ":", ",", "\n", "\\u0000", "null", "\x00", "\ud7ff"]
)
CSVISH = st.sampled_from(["user_id", "email", "akinon.id", ",", '"', "\n", "\r", "7", "a@example.org", "\x00", "é", ""])


@settings(deadline=None)
@given(st.lists(JSONISH | CSVISH, max_size=40).map("".join), st.sampled_from(["-", "people.csv", "people.ndjson"]))
def test_any_text_of_the_right_pieces_is_people_or_unusable(text: str, name: str) -> None:
    check_any(text.encode(), name)


WHOLE_FILES = [
    ndjson(*({"user_id": f"u-{n}", "email": "a@example.org", "vendors": {"akinon": {"id": "5"}}} for n in range(4))),
    b'user_id,email,insider.identifiers.custom.card\r\nu-1,a@example.org,7\r\n"u,2",,"8"\r\n',
]
EDITS = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.integers(0, 30),
        st.binary(max_size=4) | st.sampled_from([b"\n", b'"', b"{", b"}", b"[" * 300, b",", b"\\u", MARK, b"9" * 400]),
    ),
    min_size=1,
    max_size=4,
)
ENCODINGS = st.sampled_from(["latin-1"] * 6 + ["utf-16", "utf-32-be"])  # latin-1: byte for byte as it is


@settings(max_examples=examples(120), deadline=None)
@given(st.sampled_from(WHOLE_FILES), EDITS, ENCODINGS, st.sampled_from(["-", "people.csv", "people.ndjson"]))
def test_a_damaged_file_is_people_or_unusable(
    data: bytes, edits: list[tuple[int, int, bytes]], encoding: str, name: str
) -> None:
    for place, cut, new in edits:
        data = data[:place] + new + data[place + cut :]
    check_any(data.decode("latin-1").encode(encoding), name)


WORD = st.text("abcXYZ0 é가,\"'{}:;+", min_size=2, max_size=12).filter(
    lambda word: word.strip() == word and not is_nobody(word) and not damage_of(word)
)
PHONE = st.integers(10_000_000, 99_999_999).map(lambda number: f"+8210{number}")
EMAIL = st.from_regex(r"[a-z][a-z'{}+]{0,8}@[a-z]{1,9}\.(org|kr)", fullmatch=True).filter(
    lambda email: not is_nobodys_email(email)
)
VENDORS = st.fixed_dictionaries(
    {},
    optional={
        "akinon": st.fixed_dictionaries({"session_id": WORD}, optional={"csrf_token": WORD, "id": st.just("12")}),
        "insider": st.fixed_dictionaries({"insider_id": WORD})
        | st.fixed_dictionaries({"identifiers": st.fixed_dictionaries({"custom": st.just({"loyalty.id": "7"})})}),
        "b2core": st.fixed_dictionaries({"profile_id": WORD}),
    },
)
PERSON = st.fixed_dictionaries(
    {"user_id": WORD}, optional={"email": EMAIL, "phone_number": PHONE, "vendors": VENDORS.filter(bool)}
)


def flatten(record: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in record.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@settings(deadline=None)
@given(st.lists(PERSON, min_size=1, max_size=8))
def test_both_formats_say_the_same(people: list[dict[str, Any]]) -> None:
    rows = [dict(flatten(person)) for person in people]
    text = io.StringIO()
    writer = csv.DictWriter(text, sorted({column for row in rows for column in row}))
    writer.writeheader()
    writer.writerows(rows)

    from_csv, from_ndjson = read(text.getvalue().encode(), "people.csv"), read(ndjson(*people), "people.ndjson")

    assert from_csv == from_ndjson == people


KINDS_OF_LINE = st.sampled_from(
    [
        b'{"user_id": "u-1"}',
        b'{"user_id": "u-2", "email": "a@example.org", "phone_number": null}',
        b'{"user_id": "null"}',
        b'{"email": "ann"}',
        b'{"user_id": "u", "vendors": {"akinon": {"session_id": "s"}}}',
        b'{"user_id": "u-3"',
        b'{"user_id": "u-3"}, {"user_id": "u-4"}',
        b'{"user_id": "u-3", "user_id": "u-4"}',
        b"{}",
        b"",
        b"\xff",
        b'{"user_id": "u-5"}' + b" " * LONGEST_LINE,
    ]
)
KINDS_OF_ROW = st.sampled_from(
    [b"u-1,", b"u-2,a@example.org", b"null,", b",ann", b'"', b'u,"', b"\xff,", b"", b",", b"u", b"x" * LONGEST_LINE]
)


@settings(deadline=None)
@given(st.lists(KINDS_OF_LINE, max_size=6), st.lists(KINDS_OF_ROW, max_size=6), st.integers(1, 100))
def test_people_read_in_blocks_are_those_read_one_by_one(lines: list[bytes], rows: list[bytes], block: int) -> None:
    for data in (b"\n".join(lines), b"\n".join([b"user_id,email", *rows])):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("intake.files.lines.BLOCK_BYTES", block)
            in_blocks = outcome(data)
            patch.setattr("intake.files.ndjson.read_plain", lambda text, lines: None)
            patch.setattr("intake.files.table.check_plain", lambda records: None)
            assert outcome(data) == in_blocks


def outcome(data: bytes) -> tuple[list[tuple[int, Subject]], tuple[Fault, ...], int]:
    """The people before the first fault of a file, and its faults."""
    given_: list[tuple[int, Subject]] = []
    try:
        given_.extend(read_numbered(io.BytesIO(data)))
    except UnusableInputError as error:
        return given_, error.faults, error.total
    return given_, (), 0


@each_row("crowd", [b"[" + b"[]," * 20_000 + b"[]]", b"[" + b"0," * 30_000 + b"0]"])
@each_row("place", [b'{"user_id": "u", "vendors": %b}', b'{"user_id": %b}', b"%b"])
def test_a_line_of_very_many_values_is_refused_before_they_are_made(crowd: bytes, place: bytes) -> None:
    lines = b'{"user_id": "u-1"}\n' + (place % crowd + b"\n") * 99
    tracemalloc.start()
    try:
        error = faults_of(lines, "people.ndjson")
        assert tracemalloc.get_traced_memory()[1] < 10 * len(lines)
    finally:
        tracemalloc.stop()
    assert error.total == 99
    assert {fault.problem for fault in error.faults} == {TOO_MANY}
