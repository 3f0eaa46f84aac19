"""Validation of one submitted person; faults never show a value."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.registry import ADAPTERS
from domain.emails import NO_EMAIL
from tasks.subjects import PROBLEMS, SubjectError, check_subject, parse_subject
from tests.contract.samples import SAMPLES
from tests.table_rows import each_row


def faults(record: Any) -> list[tuple[str, str]]:
    """Field and problem, of the JSON and of the mapping alike."""
    line = record if isinstance(record, bytes) else json.dumps(record).encode()
    with pytest.raises(SubjectError) as told:
        parse_subject(line)
    if isinstance(record, dict):
        with pytest.raises(SubjectError) as also:
            check_subject(record)
        assert also.value.faults == told.value.faults
    return [(fault.field, fault.problem) for fault in told.value.faults]


WHOLE: dict[str, Any] = {
    "user_id": "u-1",
    "email": "a@example.org",
    "phone_number": "+821012345678",
    "vendors": {
        "algonomy": {"user_id": "x"},
        "dfinery": {"user_id": "y"},
        "insider": {"identifiers": {"custom": {"card": "77"}}},
        "akinon": {"session_id": "s", "csrf_token": "c", "id": 5, "email": "b@example.org"},
        "b2core": {"profile_id": "p"},
    },
}


def test_a_person_with_everything() -> None:
    assert parse_subject(json.dumps(WHOLE).encode()) == WHOLE
    assert check_subject(WHOLE) == WHOLE


@pytest.mark.parametrize("vendor", SAMPLES)
def test_a_vendors_own_identifier_is_enough(vendor: str) -> None:
    assert parse_subject(json.dumps({"vendors": SAMPLES[vendor].own("x").get("vendors")}).encode())


@each_row(
    "line", [b"", b"{", b"x", b"{'user_id': 'u'}", b'{"user_id": "\xff"}', b'{"user_id": "\\ud800"}', b'{"a":1}{"b":2}']
)
def test_what_is_not_json(line: bytes) -> None:
    assert faults(line) == [("", PROBLEMS["json_invalid"])]


@pytest.mark.parametrize("record", [[], "u-1", 7, None, True])
def test_what_is_json_and_nobody(record: object) -> None:
    assert faults(json.dumps(record).encode()) == [("", "must be an object")]


@pytest.mark.parametrize(
    "record",
    [{}, {"user_id": None}, {"vendors": {}}, {"vendors": {"akinon": {}}}, {"vendors": {"algonomy": {"user_id": None}}}],
)
def test_nobody_in_particular(record: object) -> None:
    assert faults(record) == [("", "has no identifier: give user_id, email, phone_number or a vendor's own")]


@each_row(
    ("record", "field", "problem"),
    [
        ({"user_id": 4711}, "user_id", "must be a text"),
        ({"user_id": "null"}, "user_id", "is a placeholder, not an identifier"),
        ({"user_id": "u\u0000"}, "user_id", "has a NUL or control character: take it out"),
        ({"user_id": "u", "email": "nobody"}, "email", NO_EMAIL),
        (
            {"phone_number": "4711"},
            "phone_number",
            "is not a phone number in E.164 form: give it with its country code, such as +821012345678",
        ),
        ({"user_id": "u", "name": "x"}, "name", "is not a known field: rename it, or leave it out"),
        ({"user_id": "u", "vendors": {"algonomy": {"user_id": 7}}}, "vendors.algonomy.user_id", "must be a text"),
        (
            {"user_id": "u", "vendors": {"algonomy": {"id": "7"}}},
            "vendors.algonomy.id",
            "is not a known field: rename it, or leave it out",
        ),
        (
            {"user_id": "u", "vendors": {"insider": {"identifiers": {"uuid": "0"}}}},
            "vendors.insider.identifiers.uuid",
            "",
        ),
        ({"user_id": "u", "vendors": "all"}, "vendors", "must be an object"),
        ({"user_id": "u", "vendors": {"algonomy": "x"}}, "vendors.algonomy", "must be an object"),
    ],
)
def test_a_fault_names_its_field(record: dict[str, Any], field: str, problem: str) -> None:
    ((found, told),) = faults(record)
    assert found == field
    assert told == problem or not problem


def test_every_fault_is_told_at_once() -> None:
    found = faults({"user_id": "0", "email": "x", "phone_number": "1"})
    assert [field for field, _ in found] == ["user_id", "email", "phone_number"]


def test_an_unknown_vendor_is_told_with_the_known_ones() -> None:
    ((field, problem),) = faults({"user_id": "u", "vendors": {"acme": {"id": "1"}}})
    assert field == "vendors.acme"
    assert problem == f"unknown vendor; known are {', '.join(ADAPTERS)}"


PERSONAL_KEYS = [
    "jane@example.org",
    "+821012345678",
    "u-4711",
    "4711",
    "jane doe",
    "Jane",
    "u1234567",
    "jane\u0000",
    "j" * 60,
    "ü",
    "",
]


@each_row("key", PERSONAL_KEYS)
def test_a_key_that_looks_like_a_value_is_not_shown(key: str) -> None:
    for record, field in (
        ({"user_id": "u", key: "x"}, "(a key)"),
        ({"user_id": "u", "vendors": {key: {}}}, "vendors.(a key)"),
        ({"user_id": "u", "vendors": {"algonomy": {key: "x"}}}, "vendors.algonomy.(a key)"),
    ):
        assert [found for found, _ in faults(record)] == [field]


SECRET = "Jane-4711"


@each_row(
    "record",
    [
        {"user_id": SECRET + "\u0000"},
        {"user_id": SECRET * 100},
        {"email": SECRET},
        {"phone_number": SECRET},
        {"user_id": [SECRET]},
        {"user_id": "u", SECRET: SECRET},
        {"user_id": "u", "vendors": {SECRET: {SECRET: SECRET}}},
        {"user_id": "u", "vendors": {"algonomy": {SECRET: SECRET, "user_id": [SECRET]}}},
        {"user_id": "u", "vendors": {"insider": {"insider_id": SECRET, "identifiers": {"uuid": SECRET}}}},
        {"user_id": "u", "vendors": {"insider": {"identifiers": {"custom": {SECRET + "!": SECRET}}}}},
        {"user_id": "u", "vendors": {"insider": {"identifiers": {"custom": {"card": SECRET + "\u0001"}}}}},
        {"user_id": "u", "vendors": {"akinon": {"id": SECRET, "email": SECRET, "session_id": SECRET + "\n"}}},
        {"user_id": "u", "vendors": {"akinon": SECRET}},
        {"user_id": "u", "vendors": SECRET},
    ],
)
def test_no_fault_tells_a_value(record: dict[str, Any]) -> None:
    line = json.dumps(record).encode()
    for read, given_ in ((parse_subject, line), (check_subject, record)):
        with pytest.raises(SubjectError) as told:
            read(given_)
        error = told.value
        shown = f"{error} {error!r} {error.faults} {error.args}"
        assert SECRET not in shown
        assert error.__suppress_context__ or error.__context__ is None
        assert error.faults


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    )
)
def test_whatever_json_comes_is_a_person_or_a_fault(record: Any) -> None:
    for shaped in (record, {"user_id": "u", "vendors": record}, {"user_id": "u", "vendors": {"insider": record}}):
        with suppress(SubjectError):
            parse_subject(json.dumps(shaped).encode())
