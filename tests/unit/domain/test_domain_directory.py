"""The controller's directory: what contradicts what was given."""

from domain.directory import DirectoryError, contradicts
from domain.requests import Subject
from tests.table_rows import each_row

GIVEN: Subject = {"user_id": "u-1", "email": "jane@example.org", "vendors": {"insider": {"identifiers": {"uuid": "7"}}}}


@each_row(
    ("answer", "contradicting"),
    [
        ({}, False),
        ({"phone_number": "+821012345678"}, False),
        ({"user_id": "u-1"}, False),
        ({"email": "Jane@Example.org"}, False),
        ({"user_id": "u-1", "email": "john@example.org"}, True),
        ({"user_id": "u-2"}, True),
        ({"vendors": {}}, False),
        ({"vendors": {"dfinery": {"user_id": "9"}}}, False),
        ({"vendors": {"insider": {"insider_id": "9"}}}, False),
        ({"vendors": {"insider": {"identifiers": {"uuid": 7}}}}, False),
        ({"vendors": {"insider": {"identifiers": {"uuid": "8"}}}}, True),
        ({"vendors": {"insider": {"identifiers": {"email": "x@example.org", "uuid": "8"}}}}, True),
        ({"vendors": {"insider": {"identifiers": "7"}}}, True),
        ({"vendors": {"insider": {"identifiers": {}}}}, False),
        ({"vendors": {"insider": {"identifiers": ""}}}, False),
    ],
)
def test_another_value_of_what_was_given_contradicts_it(answer: Subject, contradicting: bool) -> None:
    assert contradicts(GIVEN, answer) is contradicting
    assert contradicts(answer, GIVEN) is contradicting


def test_who_gave_nothing_is_contradicted_by_nothing() -> None:
    assert not contradicts({}, GIVEN)


def test_a_vendors_address_is_compared_as_an_address() -> None:
    given: Subject = {"vendors": {"insider": {"identifiers": {"email": "jane@example.org"}}}}
    answer: Subject = {"vendors": {"insider": {"identifiers": {"email": "Jane@EXAMPLE.org"}}}}
    assert not contradicts(given, answer)
    assert not contradicts(answer, given)


def test_an_error_says_what_is_wrong_and_when_to_ask_again() -> None:
    error = DirectoryError("it answered with a page", 30.0)
    assert (str(error), error.problem, error.retry_after_s) == ("it answered with a page",) * 2 + (30.0,)
    assert DirectoryError("it answered with a page").retry_after_s == 0.0
