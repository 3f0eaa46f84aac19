"""Identifiers that the submitter says are somebody's."""

import pytest

from domain.allowances import LONGEST, MOST, NONE, allowances

GIVEN = allowances([("user_id", "guest-1"), ("vendors.insider.identifiers.uuid", "0"), ("user_id", "007")])


@pytest.mark.parametrize("place", ["insider.identifiers.uuid", "vendors.insider.identifiers.uuid"])
def test_a_vendors_field_may_be_named_with_vendors_in_front_or_without(place: str) -> None:
    assert GIVEN.allows(place, "0")
    assert GIVEN.allows(place, 0), "a number is the text it is written as"


@pytest.mark.parametrize(("place", "value"), [("user_id", "0"), ("email", "guest-1"), ("user_id", "GUEST-1")])
def test_a_value_is_taken_in_its_own_field_and_as_it_was_written(place: str, value: str) -> None:
    assert GIVEN.allows("user_id", "guest-1")
    assert GIVEN.allows("user_id", "007")
    assert not GIVEN.allows(place, value)


def test_what_is_told_names_fields_and_numbers_and_no_value() -> None:
    assert GIVEN.summary() == "insider.identifiers.uuid (1), user_id (2)"
    assert "guest" not in repr(GIVEN)


def test_nothing_allowed_is_false() -> None:
    assert GIVEN
    assert not NONE
    assert not NONE.allows("user_id", "guest-1")
    assert NONE.summary() == ""


def test_so_many_are_allowed_and_no_more() -> None:
    many = [("user_id", str(number)) for number in range(MOST)]
    assert allowances(many).summary() == f"user_id ({MOST})"
    with pytest.raises(ValueError, match=r"^more than 100 identifiers are allowed by name: mend the export instead$"):
        allowances([*many, ("user_id", "x")])


@pytest.mark.parametrize("value", ["", "x" * (LONGEST + 1)])
def test_an_allowed_identifier_is_one(value: str) -> None:
    assert allowances([("user_id", "x" * LONGEST), ("email", "x")])
    with pytest.raises(ValueError, match=r"^an allowed identifier has 1 to 512 characters$"):
        allowances([("user_id", value)])
