"""Whom an import names though they were erased is erased again, once, where that is asked for."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.requests import Subject
from ledger import suppression
from ledger.clock import now
from ledger.keys import fingerprinter
from ledger.people.prints import Prints
from tasks.erase_again import SUBMITTER, due_again, erase_again
from tasks.submission import NO_GUARDS, Guards, Submission, SubmitError
from tasks.submit import Receipt, submit
from tests.ledger.conftest import Desk
from tests.ledger.requests.test_suppression import ALL, ANN, BOB, STRANGER, days_ago, done, forget

IMPORT: list[Subject] = [{"email": "ANN@private.example"}, STRANGER, {"user_id": "b-9", "email": "bob@private.example"}]


def imported(desk: Desk, people: list[Subject] = IMPORT, guards: Guards = NO_GUARDS) -> int:
    """Check an import; returns how many are erased again."""

    def record(submission: Submission, them: list[Subject]) -> Receipt:
        return submit(submission, them, engine=desk.engine, masters=desk.masters, wake=desk.woken.extend, guards=guards)

    with desk.engine.begin() as connection:
        prints = Prints(fingerprinter(connection, desk.masters))
        found = suppression.erasures_of(connection, [prints.every(one) for one in people], None)
        due = due_again(zip(people, found, strict=True), now(connection))
    again = erase_again(due, record)
    assert again.refused is None
    return again.people


def recorded(desk: Desk) -> list[tuple[object, ...]]:
    return desk.rows(
        "SELECT CAST(kind AS text), subjects, CAST(status AS text) FROM requests WHERE submitted_by = :by ORDER BY id",
        by=SUBMITTER,
    )


@pytest.mark.parametrize("forgotten", [False, True])
def test_those_on_the_list_are_erased_once(desk: Desk, forgotten: bool) -> None:
    erased = done(desk, ALL, effective_at=days_ago(30))
    if forgotten:
        forget(desk, erased)
    assert imported(desk) == 2
    assert recorded(desk) == [("erasure", 2, "running")]
    assert imported(desk) == 0
    assert imported(desk, [{"user_id": "b-9", "email": "bob@private.example"}]) == 0, "nor in another import"
    desk.execute("UPDATE requests SET effective_at = effective_at - interval '7 days' WHERE submitted_by <> 'unknown'")
    assert imported(desk) == 2, "they came again, a week later"
    assert len(recorded(desk)) == 2


def test_the_same_check_twice_at_once_is_one_request(desk: Desk) -> None:
    done(desk, [ANN], effective_at=days_ago(30))
    due = [(ANN, days_ago(30))]

    def record(submission: Submission, them: list[Subject]) -> Receipt:
        return desk.submit(
            them,
            kind=submission.kind,
            **{"idempotency_key": submission.idempotency_key, "submitted_by": submission.submitted_by},
        )

    assert [erase_again(due, record), erase_again(due, record)] == [(1, None), (0, None)]


def test_a_refusal_does_not_hide_what_was_recorded_before(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.erase_again.LOT", 1)

    def record(submission: Submission, them: list[Subject]) -> Receipt:
        if them == [BOB]:
            raise SubmitError("no vendor is switched on")
        return desk.submit(
            them, kind=submission.kind, idempotency_key=submission.idempotency_key, submitted_by=SUBMITTER
        )

    due = [(person, days_ago(30)) for person in (ANN, BOB)]
    assert erase_again(due, record) == (1, "no vendor is switched on")
    assert len(recorded(desk)) == 1


def test_who_was_erased_lately_has_opted_in_or_is_doubtful_is_not(desk: Desk) -> None:
    done(desk, [BOB], effective_at=days_ago(2))
    assert imported(desk) == 0
    person: Subject = {"user_id": "null", "email": "x@private.example"}
    long_ago = suppression.PastWish(suppression.Kind.ERASURE, days_ago(30), frozenset())
    as_of = datetime.now(UTC) + timedelta(seconds=5)
    assert due_again([(person, long_ago), (ANN, None)], as_of) == []
    assert due_again([(ANN, long_ago)], as_of) == [(ANN, long_ago.at)]


def test_very_many_wait_for_a_second_person(desk: Desk) -> None:
    done(desk, ALL, effective_at=days_ago(30))
    assert imported(desk, guards=Guards(confirm_above=1)) == 2
    assert recorded(desk) == [("erasure", 2, "unconfirmed")]
