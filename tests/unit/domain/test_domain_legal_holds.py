"""Whom a legal hold keeps, and which of several counts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.effects import DESTROYING, Effect
from domain.legal_holds import Hold, longest
from domain.outcomes import ATTENTION, DONE, EXCEPTIONS, HOLD_REASONS, Outcome, Reason
from domain.suppression import Identifiers

NOW = datetime(2026, 11, 30, tzinfo=UTC)
FIELDS = ("user_id", "email", "phone_number", "insider_id")
PEOPLE = st.frozensets(st.tuples(st.sampled_from(FIELDS), st.sampled_from([b"1", b"2", b"3"])), max_size=6)


def ids(**given: str) -> Identifiers:
    """`user_id="1"`; several values of one field: `user_id="12"`."""
    return frozenset((name, value.encode()) for name, values in given.items() for value in values)


def hold(identifiers: Identifiers, number: int = 1, days: float | None = None) -> Hold:
    return Hold(number, Reason.LITIGATION, None if days is None else NOW + timedelta(days=days), identifiers)


@pytest.mark.parametrize(
    ("of_hold", "of_person", "keeps"),
    [
        ({"user_id": "1"}, {"user_id": "1"}, True),
        ({"user_id": "1"}, {"user_id": "1", "email": "1", "phone_number": "1"}, True),
        ({"user_id": "1", "email": "1"}, {"email": "1"}, True),
        ({"user_id": "1", "email": "1"}, {"email": "1", "phone_number": "2"}, True),
        ({"user_id": "1"}, {"user_id": "2"}, False),
        ({"user_id": "1"}, {"email": "1"}, False),
        ({"user_id": "1", "email": "1"}, {"user_id": "2", "email": "1"}, False),
        ({"user_id": "1", "email": "1"}, {"user_id": "1", "email": "2"}, False),
        ({"email": "1"}, {"user_id": "2", "email": "1"}, True),
        ({"user_id": "1"}, {"user_id": "12"}, True),
        ({"user_id": "1"}, {}, False),
    ],
)
def test_one_identifier_is_equal_and_none_contradicts(
    of_hold: dict[str, str], of_person: dict[str, str], keeps: bool
) -> None:
    assert hold(ids(**of_hold)).keeps(ids(**of_person)) is keeps


@given(PEOPLE, PEOPLE)
def test_any_two_sets_of_identifiers(of_hold: Identifiers, of_person: Identifiers) -> None:
    shared = of_hold & of_person
    differs = any(
        {value for name, value in of_hold if name == field}
        and {value for name, value in of_person if name == field}
        and not any(name == field for name, _ in shared)
        for field in FIELDS
    )
    assert hold(of_hold).keeps(of_person) is (bool(shared) and not differs)


@pytest.mark.parametrize(
    ("days", "expected"), [([1, 5], 2), ([5, 1], 1), ([5, None], 2), ([None, None], 1), ([3, 3], 1), ([], None)]
)
def test_the_hold_that_ends_last_counts(days: list[float | None], expected: int | None) -> None:
    me = ids(user_id="1")
    holds = [hold(me, number, its) for number, its in enumerate(days, start=1)]
    found = longest([*holds, hold(ids(user_id="2"), 9)], me)
    assert (found.id if found else None) == expected


def test_withheld_is_neither_done_nor_waits_for_a_person() -> None:
    assert Outcome.WITHHELD not in DONE | ATTENTION
    assert {Outcome.WITHHELD} == EXCEPTIONS - ATTENTION
    assert {reason.value for reason in HOLD_REASONS} == {
        "litigation",
        "legal_obligation",
        "public_interest",
        "expression",
    }


def test_every_effect_says_by_its_name_whether_data_is_gone() -> None:
    words = ("_deleted", "_removed", "_overwritten")
    assert {one for one in Effect if one.value.endswith(words)} == DESTROYING
