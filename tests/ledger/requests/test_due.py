"""When a request on record is due, and what its idempotency key stands for."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from domain.deadlines import Deadlines, Term
from domain.periods import Period, Unit
from domain.regulations import Regulation
from domain.requests import Kind, Subject
from ledger import session
from tasks.submission import NO_GUARDS, Guards, KeyConflictError, Submission, SubmitError
from tasks.submit import submit
from tests.ledger.conftest import Desk, people
from tests.ledger.databases import database

NIGHTLY = datetime(2026, 10, 5, 3, tzinfo=UTC)
MOMENTS = "SELECT regulation, asked_at, effective_at, due_at FROM requests"


def dated(count: int, *asked: datetime | None) -> Iterator[Subject]:
    """People who asked at these moments in turn, one by one, as a file gives them."""
    for number, subject in enumerate(people(count)):
        moment = asked[number % len(asked)]
        yield {**subject, "asked_at": moment} if moment is not None else subject


def recorded(desk: Desk, subjects: Any, guards: Guards = NO_GUARDS, **more: Any) -> None:
    submission = Submission(**{"kind": Kind.ERASURE, **more})
    submit(submission, subjects, engine=desk.engine, masters=desk.masters, wake=desk.woken.extend, guards=guards)


@pytest.mark.parametrize("count", [3, 1_500])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    ("law", "kind", "due"),
    [
        (None, Kind.ERASURE, datetime(2026, 11, 5, 3, tzinfo=UTC)),
        (Regulation.CCPA, Kind.ERASURE, datetime(2026, 11, 19, 3, tzinfo=UTC)),
        (Regulation.CCPA, Kind.OPT_OUT, datetime(2026, 10, 26, 3, tzinfo=UTC)),
        (Regulation.PIPA, Kind.OPT_IN, datetime(2026, 10, 15, 3, tzinfo=UTC)),
    ],
)
def test_a_request_is_due_from_when_it_was_asked(
    desk: Desk, count: int, *, whole: bool, law: Regulation | None, kind: Kind, due: datetime
) -> None:
    subjects = people(count)
    recorded(desk, subjects if whole else iter(subjects), kind=kind, regulation=law, asked_at=NIGHTLY)
    assert desk.rows(MOMENTS) == [((law or Regulation.GDPR).value, NIGHTLY, NIGHTLY, due)]


@pytest.mark.parametrize("count", [3, 1_500])
def test_the_people_of_a_file_may_have_asked_at_different_times(desk: Desk, count: int) -> None:
    recorded(desk, dated(count, NIGHTLY, NIGHTLY - timedelta(days=20), NIGHTLY - timedelta(days=3)))
    first = NIGHTLY - timedelta(days=20)
    assert desk.rows(MOMENTS) == [("gdpr", first, NIGHTLY, datetime(2026, 10, 15, 3, tzinfo=UTC))]
    assert desk.one("SELECT count(*) FROM chunks WHERE chunks.due_at > now()") == 0


def test_who_is_in_a_file_twice_is_one_person_whenever_they_asked(desk: Desk) -> None:
    twice = [*dated(1, NIGHTLY), *dated(1, NIGHTLY - timedelta(days=1)), *dated(1, None)]
    recorded(desk, twice)
    assert desk.rows("SELECT subjects, duplicates, asked_at FROM requests") == [(1, 2, NIGHTLY - timedelta(days=1))]
    assert desk.outcomes() == {}


def test_what_is_ahead_of_our_clock_counts_as_the_receipt(desk: Desk) -> None:
    ahead = datetime.now(UTC) + timedelta(minutes=4)
    recorded(desk, people(1), asked_at=ahead, effective_at=ahead)
    recorded(desk, people(1_001), effective_at=ahead)
    recorded(desk, iter(dated(1, ahead)))
    assert desk.rows("SELECT DISTINCT asked_at = received_at, effective_at = received_at FROM requests") == [
        (True, True)
    ]


def test_a_request_that_is_due_already_is_taken_and_sent_at_once(desk: Desk) -> None:
    a_year_ago = datetime.now(UTC) - timedelta(days=365)
    guards = Guards(cool_off_s=dict.fromkeys(Kind, 3600.0))
    recorded(desk, people(1), guards, asked_at=a_year_ago)
    recorded(desk, dated(1, a_year_ago), guards)
    recorded(desk, people(1), guards)
    waits = "SELECT due_at < now(), not_before > now() FROM requests ORDER BY id"
    assert desk.rows(waits) == [(True, False), (True, False), (False, True)]


def test_what_would_wait_until_it_is_due_is_refused_also_where_only_its_people_tell(desk: Desk) -> None:
    later = datetime.now(UTC) + timedelta(days=8)
    for subjects in (people(1), people(1_001), list(dated(1, NIGHTLY)), dated(1_001, NIGHTLY)):
        asked = {"asked_at": datetime.now(UTC) - timedelta(days=3)}
        with pytest.raises(SubmitError, match="before it is due: 10 days after it was asked"):
            recorded(desk, subjects, not_before=later, regulation=Regulation.PIPA, **asked)
    assert desk.one("SELECT count(*) FROM requests") == 0


def test_the_operator_decides_the_default_and_may_override_a_row(desk: Desk) -> None:
    own = {(Regulation.KVKK, Kind.ERASURE): Term(Period(7, Unit.DAYS), None, "set by the operator")}
    recorded(desk, people(1), Guards(deadlines=Deadlines(Regulation.KVKK, own)), asked_at=NIGHTLY)
    assert desk.rows("SELECT regulation, due_at FROM requests") == [("kvkk", NIGHTLY + timedelta(days=7))]


@pytest.mark.parametrize("count", [3, 1_500])
def test_a_key_stands_for_when_it_was_asked_and_under_which_regulation(desk: Desk, count: int) -> None:
    said: dict[str, Any] = {"idempotency_key": "k", "asked_at": NIGHTLY, "regulation": Regulation.CCPA}
    moments = (NIGHTLY, None, NIGHTLY - timedelta(days=2))
    recorded(desk, dated(count, *moments), **said)
    recorded(desk, dated(count, *moments), **said)
    others: list[tuple[tuple[datetime | None, ...], dict[str, Any]]] = [
        (moments, {**said, "asked_at": None}),
        (moments, {**said, "asked_at": NIGHTLY + timedelta(seconds=1)}),
        (moments, {**said, "regulation": None}),
        (moments, {**said, "regulation": Regulation.KVKK}),
        (moments, {**said, "effective_at": NIGHTLY}),
        ((None,), said),
        ((NIGHTLY, NIGHTLY - timedelta(days=1), NIGHTLY - timedelta(days=2)), said),
        ((None, NIGHTLY, NIGHTLY - timedelta(days=2)), said),
    ]
    for moments_, other in others:
        with pytest.raises(KeyConflictError):
            recorded(desk, dated(count, *moments_), **other)
    assert desk.one("SELECT count(*) FROM requests") == 1


def test_a_key_of_before_there_were_regulations_stands_for_the_same_still(desk: Desk) -> None:
    """Without any of the new fields a request's digest is what it was, so a repeat over an update is one."""
    recorded(desk, people(2), idempotency_key="k", regulation=Regulation.GDPR)
    recorded(desk, people(2), idempotency_key="k")
    assert desk.one("SELECT count(*) FROM requests") == 1


def test_an_older_ledger_keeps_its_dates(postgres_url: str) -> None:
    with database(postgres_url, "before_regulations") as url:
        older = session.connect(url)
        session.migrate(older, "0010")
        insert = """
            INSERT INTO requests (public_id, kind, vendor_ids, options, received_at, effective_at, due_at, due_reason)
            VALUES (gen_random_uuid(), 'erasure', '{1}', '', :received, :effective, :due, :reason)"""
        plain = {"received": NIGHTLY, "effective": NIGHTLY, "due": NIGHTLY + timedelta(days=31), "reason": None}
        extended = {**plain, "due": NIGHTLY + timedelta(days=61), "reason": "many"}
        ahead = {**plain, "effective": NIGHTLY + timedelta(minutes=4)}
        with older.begin() as connection:
            connection.execute(text(insert), [plain, extended, ahead])
        session.migrate(older)
        with older.begin() as connection:
            found = connection.execute(
                text("SELECT regulation, asked_at, effective_at, due_at, extended_from FROM requests ORDER BY id")
            ).all()
        older.dispose()
    original = NIGHTLY + timedelta(days=31)
    assert [tuple(row) for row in found] == [
        ("gdpr", NIGHTLY, NIGHTLY, original, None),
        ("gdpr", NIGHTLY, NIGHTLY, NIGHTLY + timedelta(days=61), original),
        ("gdpr", NIGHTLY, NIGHTLY, original, None),
    ]
