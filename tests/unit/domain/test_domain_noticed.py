"""What is noticed beside people while they are read."""

import pytest

from domain.crowds import Crowd
from domain.noticed import DOUBTS, Noticed


@pytest.mark.parametrize("kind", sorted(DOUBTS))
def test_a_doubt_is_a_fault_unless_it_is_taken_back_or_something_is_allowed(kind: str) -> None:
    assert Noticed().doubts(kind)
    assert not Noticed(undoubted=frozenset({kind})).doubts(kind)
    assert Noticed(undoubted=DOUBTS - {kind}).doubts(kind)
    allowing = Noticed()
    allowing.allow({"user_id": ["guest-1", "guest-2"], "email": ["a@b"]})
    assert not allowing.doubts(kind)


def test_what_is_allowed_is_told_to_the_audit_log_and_is_no_warning() -> None:
    noticed = Noticed()
    assert noticed.summary() is None
    assert noticed.warnings() == []
    noticed.allow({"user_id": ["guest-1", "guest-2"], "email": ["a@b"]})
    assert noticed.allowed.allows("user_id", "guest-2")
    assert noticed.summary() == "allowed as identifiers: email (1), user_id (2)"
    assert noticed.warnings() == []


def test_fields_with_nothing_in_them_are_counted() -> None:
    noticed = Noticed()
    noticed.allow({"user_id": ["0"]})
    for _ in range(1_200):
        noticed.leave_aside("phone_number")
    noticed.leave_aside("email")
    assert noticed.warnings() == ["empty and left aside: email (1), phone_number (1,200)"]
    assert noticed.summary() == (
        "allowed as identifiers: user_id (1); empty and left aside: email (1), phone_number (1,200)"
    )


def test_crowds_are_told_after_what_was_empty() -> None:
    noticed = Noticed(crowds=(Crowd("email", 1, 50, 50), Crowd("line", 2, 9, 6)))
    noticed.leave_aside("email")
    assert noticed.warnings() == ["empty and left aside: email (1)", *map(str, noticed.crowds)]


def test_two_readings_share_nothing() -> None:
    Noticed().leave_aside("email")
    assert Noticed().warnings() == []
