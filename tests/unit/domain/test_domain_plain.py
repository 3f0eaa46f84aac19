"""The fast path for plain people: what it accepts, the full check accepts unchanged."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from domain.invisible import CONTROL
from domain.nobody import PLACEHOLDERS
from domain.phones import is_possible
from domain.plain import check_plain, read_plain
from domain.requests import SUBJECT, Subject, is_identified
from tests.examples import examples
from tests.table_rows import each_row

PERSON: dict[str, Any] = {"user_id": "u-0000001", "email": "a.b@example.org", "phone_number": "+821012345678"}
LINE = to_json(PERSON) + b"\n"


def read(lines: list[bytes]) -> list[Subject] | None:
    return read_plain(b"".join(lines), len(lines))


def test_plain_people_are_taken() -> None:
    some = {**PERSON, "email": None}
    assert read([LINE, to_json(some) + b"\r\n", LINE.strip()]) == [PERSON, some, PERSON]
    assert check_plain([PERSON, some]) == [PERSON, some]
    assert read([b'{"user_id": "u1"}']) == [{"user_id": "u1"}]


@each_row(
    "lines",
    [
        [b'{"user_id": "user-00001"\n', b'"email": "a@example.org"}\n', b'{"user_id": "u1"}, {"user_id": "u2"}\n'],
        [b'{"user_id": "user-00001"},\n', b'{"user_id": "u2"}\n'],
        [b'{"user_id": "u1"}, {"user_id": "u2"}\n'],
        [b'{"user_id": "u1\n', b'{"user_id": "u2"}\n'],
        [b"\n", LINE],
        [LINE, b"\n"],
        [b"]", LINE],
        [LINE, b'{"user_id": "u1", "user_id": "u2"}\n'],
        [LINE, b"{}\n"],
        [b"{}"],
    ],
)
def test_lines_are_people_one_by_one_or_not_plain(lines: list[bytes]) -> None:
    assert read(lines) is None


@each_row("word", [f"{form}" for word in sorted(PLACEHOLDERS) for form in (word, word.upper(), word + " ")])
def test_a_placeholder_is_not_plain(word: str) -> None:
    assert check_plain([{"user_id": word}]) is None


PIECES = st.lists(
    st.sampled_from("aZ0919@.+- \t\n\x00\x1f\x7f\x85\u2028\u3000é\ud800") | st.characters(codec="utf-8"), max_size=14
).map("".join)
USER_ID = PIECES | st.sampled_from([*sorted(PLACEHOLDERS), "u1", "user-0000001"])
EMAIL = PIECES | st.builds("{}@{}.{}".format, PIECES, PIECES, PIECES) | st.just("a@example.org")
PHONE = st.from_regex(r"\A\+?[0-9]{0,17}\n?\Z") | st.just("+821012345678") | PIECES
ANYTHING = st.none() | st.integers() | st.just({}) | st.lists(st.just("u1"), max_size=1)
RECORD = st.fixed_dictionaries(
    {},
    optional={
        "user_id": USER_ID | ANYTHING,
        "email": EMAIL | ANYTHING,
        "phone_number": PHONE | ANYTHING,
        "vendors": ANYTHING,
        "other": USER_ID,
    },
)


@settings(max_examples=examples(150), deadline=None)
@given(RECORD)
def test_who_is_plain_is_taken_by_the_full_check_just_so(record: dict[str, Any]) -> None:
    found = check_plain([record])
    if found is not None:
        assert found == [SUBJECT.validate_python(record)]
        assert is_identified(found[0])
        assert not any(CONTROL.search(text) for text in found[0].values() if isinstance(text, str))
        assert read([to_json(record)]) == found


TOKENS = st.lists(
    st.sampled_from(
        [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\n", b'"user_id"', b'"email"', b'"user-00001"', b'"a@x.org"', b" "]
    )
    | st.sampled_from([b'{"user_id":"u1"}', b'{"user_id":"u1"', b'"email":"a@x.org"}', b'{"user_id":"u1"},', b",{"]),
    max_size=8,
).map(b"".join)


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(TOKENS, min_size=1, max_size=4))
def test_no_arrangement_of_lines_makes_people_who_are_not_on_them(texts: list[bytes]) -> None:
    lines = b"\n".join(texts).splitlines(keepends=True)
    found = read(lines) if lines else None
    if found is not None:
        assert found == [SUBJECT.validate_json(line) for line in lines]


def test_impossible_numbers_are_not_plain() -> None:
    assert is_possible("+821", 13)
    assert not is_possible("+999", 13)
    subject: Subject = {"user_id": "u1", "phone_number": "+9991234567890"}
    assert check_plain([dict(subject)]) is None


@each_row(
    "person",
    [
        *(
            {"user_id": bad}
            for bad in ("1.23457E+11", "12345.0", "'00123", '="00123"', "2026-03-01", "1,234,567", "#REF!")
        ),
        *(
            {"user_id": bad}
            for bad in ("Mar-26", "[object Object]", "00000000-0000-0000-0000-000000000000", "N/A", "(none)")
        ),
        *(
            {"email": bad}
            for bad in ("none@none.com", "No-Email7@shop.com", "test@test.com", "x@shop.invalid", "xxx@xxx.de")
        ),
        *({"phone_number": bad} for bad in ("+8201012345678", "+490301234567", "+5703211234567", "+82000000000")),
    ],
)
def test_who_finds_nobody_is_not_plain(person: dict[str, Any]) -> None:
    assert check_plain([PERSON, person]) is None
