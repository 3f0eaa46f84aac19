"""The people of a request that has ended are forgotten at once, and what was done stays on record."""

from typing import Any
from uuid import UUID

import pytest

from adapters.contract import Answer, Verdict
from domain.outcomes import Reason
from ledger import forgetting
from ledger.desk.history import people_at
from ledger.desk.reports import deliveries_of, status_of
from ledger.evidence import lines
from ledger.keys import fingerprinter
from ledger.people.involved import requests_of
from ledger.people.prints import Prints
from tasks import attend
from tasks.attend import AttendError
from tasks.retain import keep_forgetting
from tasks.settle import settle
from tests.ledger.conftest import APPLIED, Desk, everybody, people

WHY = "the person asked for it"
SOMEBODY = people(2)[1]


def at(desk: Desk) -> attend.Desk:
    return attend.Desk(desk.engine, "cli:ann", desk.woken.extend)


def ended(desk: Desk, answer: Answer = APPLIED, **more: Any) -> UUID:
    public_id = desk.submit(people(12), **more).recorded.public_id
    tools = desk.tools_for(everybody(answer))
    while desk.work_off(tools):
        pass
    settle(tools)
    return public_id


def forgotten(desk: Desk, public_id: UUID) -> None:
    assert at(desk).forget(public_id, WHY, desk.masters)


def found(desk: Desk) -> list[UUID]:
    with desk.engine.begin() as connection:
        prints = Prints(fingerprinter(connection, desk.masters)).identifiers(SOMEBODY)
        return [one.request_id for one in requests_of(connection, prints)]


def test_from_that_moment_nobody_is_read_or_found_and_the_outcomes_stay(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "STEP", 5)
    public_id = ended(desk, idempotency_key="of jane", reference="jane's ticket")
    other = ended(desk)
    assert found(desk) == [public_id, other]
    forgotten(desk, public_id)
    assert found(desk) == [other]
    with desk.engine.connect() as connection:
        assert people_at(connection, desk.masters, public_id, [1, 2]) == {}
        status = status_of(connection, public_id)
        assert status is not None
        assert (status.forgotten, status.status) == (True, "completed")
        assert status.forgotten_at is not None
        assert status.vendors == {"insider": {"pending": 0, "accepted": 12}}
    assert not desk.rows("SELECT FROM request_references")
    assert desk.rows(
        """SELECT (SELECT wrapped FROM data_keys WHERE request_id = id), options, content_digest, idempotency_key,
               idempotency_print
           FROM requests WHERE public_id = :id""",
        id=public_id,
    ) == [(None, b"", b"", None, None)]
    assert keep_forgetting(desk.engine) == 3
    assert keep_forgetting(desk.engine) == 0
    printed = """
        SELECT count(*) FILTER (WHERE num_nonnulls(user_print, email_print, phone_print) > 0 OR sealed <> ''),
            count(DISTINCT whole_print)
        FROM subjects JOIN requests ON requests.id = request_id WHERE public_id = :id"""
    assert desk.rows(printed, id=public_id) == [(0, 1)]
    assert desk.rows(printed, id=other) == [(12, 12)]
    with desk.engine.connect() as connection:
        rows = list(deliveries_of(connection, public_id))
    assert [(row.line, row.outcome) for row in rows] == [(line, "accepted") for line in range(1, 13)]
    assert found(desk) == [other]


def test_it_is_on_record_and_the_tree_of_outcomes_is_made_before(desk: Desk) -> None:
    public_id = ended(desk)
    forgotten(desk, public_id)
    assert desk.rows("SELECT by, deed, reason FROM notes") == [("cli:ann", "forget", WHY)]
    assert desk.one("SELECT count(*) FROM log_pending WHERE type = 'request.forgotten'") == 1
    with desk.engine.connect() as connection:
        (request,) = lines.requests_of(connection, [desk.one("SELECT id FROM requests")])
    assert request.tree is not None
    assert request.tree.vendors == {"insider": {"accepted": 12}}


def test_twice_changes_nothing_and_nothing_is_sent_again(desk: Desk) -> None:
    public_id = ended(desk)
    first = at(desk).forget(public_id, WHY, desk.masters)
    assert at(desk).forget(public_id, "again", desk.masters) == first
    assert desk.one("SELECT count(*) FROM notes") == 1
    assert first is not None
    with pytest.raises(AttendError, match=f"forgotten since {first:%Y-%m-%d}"):
        at(desk).retry(public_id, None, None)


def test_a_request_that_is_still_needed_is_refused_with_what_to_do(desk: Desk) -> None:
    running = desk.submit(people(1)).recorded.public_id
    with pytest.raises(AttendError, match="cancel it first"):
        at(desk).forget(running, WHY, desk.masters)
    waiting = ended(desk, Answer(Verdict.ACTION, Reason.CODE_SENT))
    with pytest.raises(AttendError, match="12 of its deliveries still wait"):
        at(desk).forget(waiting, WHY, desk.masters)
    at(desk).close(waiting, "insider", Reason.CODE_SENT, "done by hand")
    forgotten(desk, waiting)


def test_a_cancelled_request_can_be_forgotten(desk: Desk) -> None:
    public_id = desk.submit(people(3)).recorded.public_id
    at(desk).cancel(public_id)
    forgotten(desk, public_id)
    assert found(desk) == []
    keep_forgetting(desk.engine)


def test_a_step_that_is_killed_is_taken_up_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "STEP", 5)
    forgotten(desk, ended(desk))
    with desk.engine.connect() as connection:
        assert forgetting.delete_prints(connection)
        connection.rollback()
    with desk.engine.begin() as connection:
        assert forgetting.delete_prints(connection)
        with desk.engine.begin() as other:
            assert not forgetting.delete_prints(other), "one at a time works on a request"
    assert keep_forgetting(desk.engine) == 2
    assert desk.one("SELECT count(*) FROM subjects WHERE user_print IS NOT NULL") == 0
