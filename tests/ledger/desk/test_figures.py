"""What an answer and a report count, against the real ledger."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from answers.reading import NoAnswerError, NoSuchPersonError, facts_of, facts_of_person
from domain.by_hand import ByHand
from domain.requests import Kind
from ledger import by_hand
from ledger.desk import endings
from ledger.desk.figures import Period, PeriodError, figures_of
from ledger.sealing import MasterKeys, generate_master_key
from tests.ledger.conftest import Desk, people
from tests.ledger.endings import end

MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))


def move(desk: Desk, public_id: object, received: str, days: float) -> None:
    """As if it had been received at this moment, and closed so many days later."""
    desk.execute(
        """UPDATE requests SET received_at = CAST(:at AS timestamptz), asked_at = CAST(:at AS timestamptz),
           due_at = CAST(:at AS timestamptz) + interval '30 days',
           closed_at = closed_at - closed_at + CAST(:at AS timestamptz) + :days * interval '1 day'
           WHERE public_id = :id""",
        id=public_id,
        at=received,
        days=days,
    )


def submit_ended(desk: Desk, outcome: str, reason: str | None, received: str, days: float, **more: Any) -> object:
    public_id = desk.submit(people(2), **more).recorded.public_id
    end(desk, outcome, reason)
    move(desk, public_id, received, days)
    return public_id


def test_a_report_counts_what_was_received_in_its_days(desk: Desk) -> None:
    submit_ended(desk, "accepted", None, "2026-02-28T23:59:59Z", 1)
    submit_ended(desk, "accepted", None, "2026-03-01T00:00:00Z", 2)
    submit_ended(desk, "refused", "rejected", "2026-03-31T23:59:59Z", 6, kind=Kind.OPT_OUT)
    submit_ended(desk, "accepted", None, "2026-04-01T00:00:00Z", 1)
    withdrawn = desk.submit(people(1)).recorded.public_id
    desk.execute("UPDATE requests SET status = 'cancelled' WHERE public_id = :id", id=withdrawn)
    move(desk, withdrawn, "2026-03-15T12:00:00Z", 0)
    running = desk.submit(people(3)).recorded.public_id
    move(desk, running, "2026-03-15T12:00:00Z", 0)
    with desk.engine.connect() as connection:
        found = figures_of(connection, MARCH, 7)
    assert found.all._asdict() == {
        "received": 4,
        "people": 2 + 2 + 1 + 3,
        "done": 1,
        "in_part": 0,
        "not_done": 1,
        "refused": 1,
        "withheld": 0,
        "withdrawn": 1,
        "open": 1,
        "at_risk": 2,  # one runs, and one was refused: both were due long ago
        "mean_days": pytest.approx(4),
        "median_days": pytest.approx(4),
    }
    assert {name: one.received for name, one in found.kinds.items()} == {"erasure": 3, "opt_out": 1}
    assert {name: one.received for name, one in found.regulations.items()} == {"gdpr": 4}
    assert found.vendors == {"insider": {"pending": 4, "accepted": 2, "refused": 2}}
    assert [tuple(one) for one in found.exceptions] == [("insider", "refused", "rejected", 2, 1)]


def test_a_retried_exception_is_none_any_more(desk: Desk) -> None:
    public_id = desk.submit(people(2)).recorded.public_id
    end(desk, "refused", "rejected")
    desk.execute("""
        INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome, reason)
        SELECT request_id, vendor_id, line, 2, 1, 'cancelled', 'closed_by_hand' FROM outcomes WHERE line = 1""")
    move(desk, public_id, "2026-03-02T00:00:00Z", 1)
    with desk.engine.connect() as connection:
        found = figures_of(connection, MARCH, 7)
    assert [(one.outcome, one.deliveries) for one in found.exceptions] == [("refused", 1)]


def test_a_report_on_nothing_says_so(desk: Desk) -> None:
    with desk.engine.connect() as connection:
        found = figures_of(connection, MARCH, 7)
    assert found.all.received == 0
    assert (found.all.mean_days, found.vendors, found.exceptions) == (None, {}, [])


@pytest.mark.parametrize(
    ("first", "last", "problem"),
    [
        (date(2026, 3, 2), date(2026, 3, 1), "before the first"),
        (date(2024, 1, 1), date(2025, 1, 1), "longer than 366 days"),
    ],
)
def test_a_period_is_bounded(first: date, last: date, problem: str) -> None:
    with pytest.raises(PeriodError, match=problem):
        Period(first, last).checked()


def test_a_leap_year_is_no_longer_than_a_year() -> None:
    assert Period(date(2024, 1, 1), date(2024, 12, 31)).checked()


def test_endings_are_counted_exactly_or_from_tallies(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    public_id = desk.submit(people(4)).recorded.public_id
    end(desk, "refused", "rejected", upto=1)
    end(desk, "verified", "looked_up", upto=3)
    with desk.engine.connect() as connection:
        exact = facts_of(connection, public_id, deeds=False)
        monkeypatch.setattr(endings, "COUNTED_TO", 3)
        tallied = facts_of(connection, public_id, deeds=False)
    assert exact is not None
    assert tallied is not None
    told = [(one.outcome, one.reason, one.people, one.first_at is None) for one in exact.recipients[0].endings]
    assert told == [
        ("pending", None, 1, True),
        ("refused", "rejected", 1, False),
        ("verified", "looked_up", 2, False),
    ]
    counted = {(one.outcome, one.reason, one.people) for one in tallied.recipients[0].endings if one.people}
    assert counted == {("pending", None, 1), ("refused", "rejected", 1), ("verified", None, 2)}
    assert all(one.first_at is None for one in tallied.recipients[0].endings)


def test_the_facts_of_a_person_are_theirs_alone(desk: Desk, masters: MasterKeys) -> None:
    public_id = desk.submit(people(3)).recorded.public_id
    end(desk, "refused", "rejected", upto=1)
    end(desk, "accepted", None)
    with desk.engine.connect() as connection:
        told = facts_of_person(connection, masters, public_id, 2, deeds=False)
    assert told is not None
    assert [(one.outcome, one.people) for each in told.recipients for one in each.endings] == [("accepted", 1)]
    assert dict(told.person) == {"user_id": "j•••2", "email": "j•••@p•••.example", "phone_number": "+821•••02"}
    assert (told.people, told.line) == (1, 2)


def test_an_accepted_exception_is_told_as_accepted(desk: Desk, masters: MasterKeys) -> None:
    public_id = desk.submit(people(1)).recorded.public_id
    end(desk, "unreachable", "no_identifier")
    desk.execute("INSERT INTO notes (request_id, by, deed) SELECT id, 'user:ann', 'accept' FROM requests")
    with desk.engine.connect() as connection:
        for told in (
            facts_of(connection, public_id, deeds=True),
            facts_of_person(connection, masters, public_id, 1, deeds=True),
        ):
            assert told is not None
            assert [one.accepted for each in told.recipients for one in each.endings] == [True]
            assert [deed.deed for deed in told.deeds] == ["accept"]


def test_who_cannot_be_read_has_no_answer_and_the_request_has_one(desk: Desk, masters: MasterKeys) -> None:
    public_id = desk.submit(people(2)).recorded.public_id
    end(desk, "accepted", None)
    with desk.engine.begin() as connection:
        with pytest.raises(NoSuchPersonError):
            facts_of_person(connection, masters, public_id, 7, deeds=False)
        with pytest.raises(NoAnswerError, match="cannot be read with these master keys"):
            facts_of_person(connection, MasterKeys.parse(generate_master_key()), public_id, 1, deeds=False)
        connection.execute(text("DELETE FROM data_keys"))
        with pytest.raises(NoAnswerError, match="forgotten"):
            facts_of_person(connection, masters, public_id, 1, deeds=False)
        told = facts_of(connection, public_id, deeds=False)
    assert told is not None
    assert told.forgotten
    assert told.count("accepted") == 2


def test_a_recipient_without_an_api_has_its_title(desk: Desk) -> None:
    public_id = desk.submit(people(1)).recorded.public_id
    with desk.engine.begin() as connection:
        by_hand.announce(connection, {"insider": ByHand("The print shop", ("email",), 10)})
        told = facts_of(connection, public_id, deeds=False)
    assert told is not None
    assert [one.title for one in told.recipients] == ["The print shop"]


def test_no_request_no_facts(desk: Desk, masters: MasterKeys) -> None:
    nobody = desk.one("SELECT gen_random_uuid()")
    with desk.engine.connect() as connection:
        assert facts_of(connection, nobody, deeds=True) is None
        assert facts_of_person(connection, masters, nobody, 1, deeds=True) is None


def test_the_days_of_a_period_are_utc() -> None:
    assert MARCH.bounds() == {
        "begin": datetime(2026, 3, 1, tzinfo=UTC),
        "past": datetime(2026, 3, 31, tzinfo=UTC) + timedelta(days=1),
    }
