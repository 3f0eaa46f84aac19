"""Deeds on a request on record: retry, provide, close by hand, confirm, cancel, extend."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from adapters.contract import Answer, Call, Person, Verdict
from domain.outcomes import Reason
from domain.periods import Period, Unit
from domain.regulations import Regulation
from domain.requests import Kind, Subject
from ledger.delivery import cancelling, chunks
from ledger.delivery.claiming import claim
from ledger.desk import attention, reports
from ledger.desk.attention import Group
from ledger.desk.fresh_sessions import Given
from ledger.requests import closing
from tasks import attend
from tasks.attend import AttendError, Cancelled, NoSuchRequestError
from tasks.due_soon import warn_of_deadlines
from tasks.settle import settle
from tasks.submission import Guards, SubmitError
from tasks.submit import submit
from tests.ledger.conftest import APPLIED, Desk, everybody, people
from tests.stubs import Answering

CODE_SENT = Answer(Verdict.ACTION, Reason.CODE_SENT)
REJECTED = Answer(Verdict.USER, Reason.REJECTED)
EXPIRED = Answer(Verdict.ACTION, Reason.SESSION_EXPIRED)


ONE_MONTH = Period(1, Unit.MONTHS)


def at(desk: Desk, by: str = "cli:alice") -> attend.Desk:
    return attend.Desk(desk.engine, by, desk.woken.extend)


def by_line(answers: dict[int, Answer], sent: list[int] | None = None) -> Answering:
    """These lines are answered like this, all others with a yes."""

    def answer(call: Call, batch: Sequence[Person]) -> list[Answer]:
        if sent is not None:
            sent.extend(person.line for person in batch)
        return [answers.get(person.line, APPLIED) for person in batch]

    return answer


def delivered(desk: Desk, answering: Answering, count: int = 25, **more: Any) -> UUID:
    """A request that has been worked off and closed."""
    public_id = desk.submit(people(count), **more).recorded.public_id
    work_off(desk, answering)
    return public_id


def work_off(desk: Desk, answering: Answering) -> None:
    tools = desk.tools_for(answering)
    desk.work_off(tools)
    settle(tools)


def rounds(desk: Desk, line: int, vendor_id: int = 1) -> list[tuple[int, str]]:
    found = desk.rows(
        "SELECT round, CAST(outcome AS text) FROM outcomes WHERE line = :line AND vendor_id = :v ORDER BY round",
        line=line,
        v=vendor_id,
    )
    return [(round_, outcome) for round_, outcome in found]


def latest(desk: Desk) -> dict[tuple[str, int], str]:
    return {
        (vendor, line): outcome
        for vendor, line, outcome in desk.rows("""
            SELECT DISTINCT ON (vendor_id, line) vendors.name, line, CAST(outcome AS text)
            FROM outcomes JOIN vendors ON vendors.id = vendor_id ORDER BY vendor_id, line, round DESC""")
    }


def assert_in_step(desk: Desk) -> None:
    """Tallies are counts of latest outcomes, and no delivery's rounds have a hole."""
    counted = """
        SELECT request_id, vendor_id, outcome, count(*) FROM (
            SELECT DISTINCT ON (request_id, vendor_id, line) * FROM outcomes
            ORDER BY request_id, vendor_id, line, round DESC) AS latest
        WHERE outcome <> 'pending' GROUP BY 1, 2, 3"""
    kept = "SELECT request_id, vendor_id, outcome, deliveries FROM tallies WHERE deliveries <> 0"
    assert sorted(desk.rows(counted)) == sorted(desk.rows(kept))
    assert desk.rows("SELECT FROM outcomes GROUP BY request_id, vendor_id, line HAVING max(round) <> count(*)") == []


def notes(desk: Desk) -> list[tuple[Any, ...]]:
    return desk.rows("SELECT by, deed, reason, vendor_id FROM notes ORDER BY id")


def status(desk: Desk, public_id: UUID) -> str:
    return str(desk.one("SELECT CAST(status AS text) FROM requests WHERE public_id = :id", id=public_id))


# retry


def test_a_retry_sends_what_waits_and_nothing_else(desk: Desk) -> None:
    public_id = delivered(desk, by_line({3: CODE_SENT, 21: CODE_SENT, 22: REJECTED}))
    assert status(desk, public_id) == "completed_with_exceptions"

    again = at(desk).retry(public_id, None, None)

    assert again == ({"insider": 2}, 0, 0)
    assert status(desk, public_id) == "running"
    assert desk.one("SELECT closed_at FROM requests") is None
    assert desk.woken == ["insider"] * 2
    assert desk.rows("SELECT first_line, last_line, round FROM chunks WHERE round > 1 ORDER BY 1") == [
        (1, 10, 3),
        (21, 25, 3),
    ]
    assert_in_step(desk)

    sent: list[int] = []
    work_off(desk, by_line({}, sent))
    assert sorted(sent) == [3, 21]
    assert rounds(desk, 3) == [(1, "needs_action"), (2, "pending"), (3, "accepted")]
    assert status(desk, public_id) == "completed_with_exceptions"  # the refused one
    assert notes(desk) == [("cli:alice", "retry", None, None)]
    assert_in_step(desk)


def test_what_was_refused_is_retried_where_its_reason_is_named(desk: Desk) -> None:
    public_id = delivered(desk, by_line({3: CODE_SENT, 22: REJECTED}))

    assert at(desk).retry(public_id, "insider", "rejected").deliveries == {"insider": 1}
    work_off(desk, everybody(APPLIED))

    assert latest(desk)["insider", 22] == "accepted"
    assert latest(desk)["insider", 3] == "needs_action"
    assert_in_step(desk)


def test_a_retry_can_be_retried(desk: Desk) -> None:
    public_id = delivered(desk, by_line({3: CODE_SENT}))
    for _ in range(3):
        at(desk).retry(public_id, None, None)
        work_off(desk, by_line({3: CODE_SENT}))
    at(desk).retry(public_id, None, None)
    work_off(desk, everybody(APPLIED))

    assert len(rounds(desk, 3)) == 9
    assert rounds(desk, 3)[-1] == (9, "accepted")
    assert status(desk, public_id) == "completed"
    assert_in_step(desk)


def test_retrying_at_once_again_changes_nothing(desk: Desk) -> None:
    public_id = delivered(desk, by_line({3: CODE_SENT}))
    at(desk).retry(public_id, None, None)
    before = desk.rows("SELECT * FROM chunks ORDER BY id")

    assert at(desk).retry(public_id, None, None) == ({}, 0, 0)
    assert desk.rows("SELECT * FROM chunks ORDER BY id") == before
    assert len(notes(desk)) == 1


def test_two_retries_of_one_span_never_send_to_anybody_twice(desk: Desk) -> None:
    public_id = delivered(desk, by_line({3: CODE_SENT, 4: REJECTED}))
    at(desk).retry(public_id, None, "code_sent")
    at(desk).retry(public_id, None, "rejected")
    assert desk.rows("SELECT round FROM chunks WHERE round > 1 ORDER BY 1") == [(3,), (4,)]

    sent: list[int] = []
    work_off(desk, by_line({}, sent))

    assert sorted(sent) == [3, 4]
    assert rounds(desk, 4) == [(1, "refused"), (2, "pending"), (3, "pending"), (4, "accepted")]
    assert status(desk, public_id) == "completed"
    assert_in_step(desk)


def test_a_retry_of_many_is_a_few_statements(desk: Desk) -> None:
    public_id = delivered(desk, everybody(APPLIED), count=1)
    desk.execute("INSERT INTO subjects SELECT 1, n, '', gen_random_uuid() FROM generate_series(2, 50000) AS n")
    desk.execute("UPDATE requests SET subjects = 50000")
    desk.execute("""
        INSERT INTO chunks (request_id, vendor_id, first_line, last_line, state)
        SELECT 1, 1, n, n + 999, 'closed' FROM generate_series(2, 49002, 1000) AS n""")
    desk.execute("""
        INSERT INTO outcomes (request_id, vendor_id, round, line, attempts, outcome, reason)
        SELECT 1, 1, 1, n, 15, 'exhausted', 'busy' FROM generate_series(2, 50000) AS n""")
    desk.execute("INSERT INTO tallies VALUES (1, 1, 'exhausted', 49999)")

    assert at(desk).retry(public_id, None, "busy").deliveries == {"insider": 49_999}
    assert desk.one("SELECT count(*) FROM chunks WHERE round = 3") == 50
    assert_in_step(desk)


def test_a_request_does_not_close_over_a_retry(desk: Desk) -> None:
    public_id = delivered(desk, by_line({3: CODE_SENT}))
    desk.execute("UPDATE requests SET status = 'running', closed_at = NULL")
    with desk.engine.connect() as slow:
        # The sweep's own statements, with a retry between them.
        assert slow.execute(closing._LOCK_SETTLED, {"ids": [1]}).scalars().all() == [1]
        slow.rollback()
        at(desk).retry(public_id, None, None)
        assert slow.execute(closing._CLOSE, {"ids": [1]}).rowcount == 0


def test_what_a_retry_cannot_do(desk: Desk) -> None:
    public_id = delivered(desk, everybody(APPLIED))
    with pytest.raises(NoSuchRequestError):
        at(desk).retry(UUID(int=7), None, None)
    with pytest.raises(AttendError, match="it goes to insider"):
        at(desk).retry(public_id, "acme", None)
    desk.execute("DELETE FROM data_keys")
    with pytest.raises(AttendError, match="forgotten"):
        at(desk).retry(public_id, None, None)


# attention


def test_attention_counts_latest_rounds_by_cause(desk: Desk) -> None:
    first = delivered(desk, by_line({3: CODE_SENT, 4: CODE_SENT, 22: REJECTED}))
    delivered(desk, by_line({5: CODE_SENT}), kind=Kind.OPT_OUT)
    at(desk).retry(first, None, None)

    def groups(**more: Any) -> list[tuple[Any, ...]]:
        with desk.engine.connect() as connection:
            return [group[:5] for group in attention.groups(connection, **more)]

    assert groups() == [("insider", "refused", "rejected", 1, 1), ("insider", "needs_action", "code_sent", 1, 1)]
    assert groups(request_id=2) == [("insider", "needs_action", "code_sent", 1, 1)]
    assert groups(reason="rejected") == [("insider", "refused", "rejected", 1, 1)]
    assert groups(vendor_id=7) == []
    desk.execute("UPDATE requests SET status = 'cancelled'")
    assert groups() == []


def test_attention_reads_only_what_needs_it(desk: Desk) -> None:
    delivered(desk, by_line({3: CODE_SENT}), count=3)
    desk.execute("""
        INSERT INTO outcomes (request_id, vendor_id, round, line, attempts, outcome)
        SELECT 1, 1, 1, n, 1, 'accepted' FROM generate_series(10, 60000) AS n""")
    with desk.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE outcomes")
        values = {"request_id": None, "vendor_id": None, "reason": None}
        plan = connection.execute(attention.text(f"EXPLAIN {attention._GROUPS.text}"), values).scalars().all()
    assert any("outcomes_1_attention" in step for step in plan), plan
    assert not any("Seq Scan on outcomes_1" in step for step in plan), plan


def test_a_group_tells_the_oldest_due_date(desk: Desk) -> None:
    delivered(desk, by_line({3: CODE_SENT}))
    with desk.engine.connect() as connection:
        (group,) = attention.groups(connection)
    due_at = desk.one("SELECT due_at FROM requests")
    assert group == Group("insider", "needs_action", "code_sent", 1, 1, due_at)


# close


def test_closing_by_hand_settles_and_keeps_who_and_why(desk: Desk) -> None:
    public_id = delivered(desk, by_line({3: CODE_SENT, 22: REJECTED}))

    assert at(desk).close(public_id, "insider", "rejected", "they asked us to stop") == 1
    assert status(desk, public_id) == "completed_with_exceptions"
    assert at(desk, "cli:bob").close(public_id, "insider", None, "enough") == 1
    assert at(desk).close(public_id, "insider", None, "once more") == 0

    assert status(desk, public_id) == "completed"
    assert rounds(desk, 22) == [(1, "refused"), (2, "cancelled")]
    assert desk.rows("SELECT DISTINCT reason FROM outcomes WHERE outcome = 'cancelled'") == [("closed_by_hand",)]
    assert notes(desk) == [
        ("cli:alice", "close", "they asked us to stop", 1),
        ("cli:bob", "close", "enough", 1),
    ]
    assert at(desk).retry(public_id, None, None) == ({}, 0, 0)
    assert_in_step(desk)


# provide


def with_session(number: int, session: str) -> Subject:
    return {**people(number)[-1], "vendors": {"akinon": {"session_id": session}}}


@pytest.fixture
def shop(desk: Desk) -> Desk:
    desk.announce(akinon=10)
    desk.switch_off("insider")
    return desk


def shop_off(desk: Desk, answering: Answering) -> None:
    tools = desk.tools_for(answering, vendor="akinon", keeps_sessions=True)
    desk.work_off(tools)
    settle(tools)


def expired(desk: Desk, count: int = 12) -> UUID:
    """A request of people whose sessions have run out."""
    public_id = desk.submit([with_session(n, f"old-{n}") for n in range(1, count + 1)]).recorded.public_id
    shop_off(desk, everybody(EXPIRED))
    assert desk.one("SELECT count(*) FROM sessions") == 0
    return public_id


def test_a_retry_leaves_out_who_has_no_session(shop: Desk) -> None:
    public_id = expired(shop)
    assert at(shop).retry(public_id, None, None) == ({}, 12, 0)
    assert status(shop, public_id) == "completed_with_exceptions"
    assert notes(shop) == []


def test_a_fresh_session_goes_to_the_person_it_is_of(shop: Desk) -> None:
    public_id = expired(shop)
    by_phone: Subject = {
        "phone_number": people(11)[-1]["phone_number"],
        "vendors": {"akinon": {"session_id": "new-11"}},
    }

    again = at(shop).provide(public_id, [Given(1, with_session(2, "new-2")), Given(2, by_phone)], shop.masters)

    assert again == {"akinon": 2}
    used: dict[int, Any] = {}

    def note_session(call: Call, batch: Sequence[Person]) -> list[Answer]:
        used.update({one.line: (one.subject.get("vendors") or {})["akinon"]["session_id"] for one in batch})
        return [APPLIED] * len(batch)

    shop_off(shop, note_session)
    assert used == {2: "new-2", 11: "new-11"}
    assert notes(shop) == [
        ("cli:alice", "provide", None, 1 + (shop.one("SELECT id FROM vendors WHERE name = 'akinon'") - 1))
    ]
    assert_in_step(shop)


def test_a_person_with_a_fresh_session_is_known_to_have_waited_and_for_what(shop: Desk) -> None:
    public_id = expired(shop, count=3)
    waited: list[tuple[int, frozenset[Reason]]] = []

    def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        waited.extend((one.line, one.waited_for) for one in batch)
        return [CODE_SENT] * len(batch)

    for number in (1, 2):
        given = [Given(line, with_session(line, f"new-{number}")) for line in range(1, number + 1)]
        at(shop).provide(public_id, given, shop.masters)
        shop_off(shop, answering)
    expired_before = {Reason.SESSION_EXPIRED}
    assert waited[0] == (1, expired_before)
    assert dict(waited[1:]) == {1: expired_before | {Reason.CODE_SENT}, 2: expired_before}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Given(7, with_session(40, "s")), "line 7: nobody of these identifiers waits at akinon"),
        (Given(7, {**with_session(3, "s"), "user_id": "somebody-else"}), "line 7: nobody of these identifiers"),
        (Given(7, people(3)[-1]), "line 7: has no session"),
        (Given(7, {**people(3)[-1], "vendors": {"akinon": {"id": "3"}}}), "line 7: has no session"),
        (Given(7, with_session(1, "s")), "line 7: gives a second session"),
    ],
)
def test_one_session_that_cannot_be_used_refuses_all(shop: Desk, given: Given, told: str) -> None:
    public_id = expired(shop)
    before = shop.rows("SELECT count(*) FROM outcomes")

    with pytest.raises(AttendError, match=told) as error:
        at(shop).provide(public_id, [Given(1, with_session(1, "new-1")), given], shop.masters)

    assert "jane" not in str(error.value)
    assert shop.one("SELECT count(*) FROM sessions") == 0
    assert shop.rows("SELECT count(*) FROM outcomes") == before
    assert status(shop, public_id) == "completed_with_exceptions"


def test_nobody_who_is_served_gets_another_session(shop: Desk) -> None:
    public_id = shop.submit([with_session(1, "good")]).recorded.public_id
    shop_off(shop, everybody(APPLIED))
    with pytest.raises(AttendError, match="nobody of these identifiers waits"):
        at(shop).provide(public_id, [Given(1, with_session(1, "new"))], shop.masters)


# cancel


def test_cancelling_settles_what_was_not_sent(desk: Desk) -> None:
    public_id = desk.submit(people(35)).recorded.public_id
    desk.work_off(desk.tools_for(by_line({3: CODE_SENT})), runs=1)
    with desk.engine.begin() as connection:
        held_id = desk.queued.pop(0)[1] if desk.queued else claim(connection, "insider", 1)[0].chunk_id
        lease = chunks.lease(connection, held_id, lease_s=60, holder="test", masters=desk.masters)
    assert lease is not None

    assert at(desk).cancel(public_id) == Cancelled(done=10, cancelled=15, under_way=10)

    assert status(desk, public_id) == "cancelled"
    assert notes(desk) == [("cli:alice", "cancel", None, None)]
    assert_in_step(desk)
    desk.execute("UPDATE chunks SET due_at = now() - interval '1 second' WHERE state = 'leased'")
    with desk.engine.begin() as connection:
        assert cancelling.sweep(connection) == 10
        assert cancelling.sweep(connection) == 0
    assert desk.one("SELECT count(*) FROM outcomes WHERE reason = 'lease_lost'") == 10
    assert desk.one("SELECT count(*) FROM chunks WHERE state <> 'closed'") == 0
    assert desk.one("SELECT closed_at FROM requests") is not None
    assert at(desk).cancel(public_id) == Cancelled(done=10, cancelled=25, under_way=0)
    assert len(notes(desk)) == 1
    assert_in_step(desk)


def test_cancelling_counts_attempts_that_failed(desk: Desk) -> None:
    public_id = desk.submit(people(3)).recorded.public_id
    desk.work_off(desk.tools_for(by_line({2: Answer(Verdict.RETRY, Reason.BUSY)})), runs=1)

    assert at(desk).cancel(public_id) == Cancelled(done=2, cancelled=1, under_way=0)
    assert desk.outcomes()["insider", 2] == ("cancelled", None, 1)


def test_cancelling_deletes_the_sessions_that_nobody_uses_any_more(shop: Desk) -> None:
    public_id = shop.submit([with_session(n, f"s-{n}") for n in (1, 2, 3)]).recorded.public_id
    with shop.engine.begin() as connection:
        held, *_ = claim(connection, "akinon", 1)
        chunks.lease(connection, held.chunk_id, lease_s=60, holder="test", masters=shop.masters)
    kept = shop.submit([with_session(n, f"s-{n}") for n in (4, 5)]).recorded.public_id
    at(shop).cancel(public_id)
    assert shop.one("SELECT count(*) FROM sessions WHERE request_id = 1") == 3, "a worker holds them still"
    shop.execute("UPDATE chunks SET due_at = now() - interval '1 second' WHERE state = 'leased'")
    with shop.engine.begin() as connection:
        assert cancelling.sweep(connection) == 3
    assert shop.rows("SELECT request_id, line FROM sessions ORDER BY 1, 2") == [(2, 1), (2, 2)]
    at(shop).cancel(kept)
    assert shop.one("SELECT count(*) FROM sessions") == 0


def test_cancelling_a_retry_leaves_the_others_alone(desk: Desk) -> None:
    public_id = delivered(desk, by_line({3: CODE_SENT, 22: CODE_SENT}))
    at(desk).retry(public_id, None, None)

    assert at(desk).cancel(public_id) == Cancelled(done=23, cancelled=2, under_way=0)
    assert rounds(desk, 3) == [(1, "needs_action"), (2, "pending"), (3, "cancelled")]
    assert_in_step(desk)


def test_a_request_that_is_not_cancelled_keeps_what_is_pending(desk: Desk) -> None:
    desk.submit(people(5))
    with desk.engine.begin() as connection:
        assert cancelling.cancel_rest(connection, 1) == 0
        assert cancelling.sweep(connection) == 0
    assert desk.outcomes() == {}


def test_what_is_over_cannot_be_cancelled(desk: Desk) -> None:
    public_id = delivered(desk, everybody(APPLIED))
    with pytest.raises(AttendError, match="is completed"):
        at(desk).cancel(public_id)


# confirm, times, extend, deadlines


def large(desk: Desk, **more: Any) -> UUID:
    submission = attend_submission(**more)
    receipt = submit(
        submission,
        people(25),
        engine=desk.engine,
        masters=desk.masters,
        wake=desk.woken.extend,
        guards=Guards(confirm_above=24),
    )
    assert receipt.recorded.unconfirmed is not submission.confirmed
    return receipt.recorded.public_id


def attend_submission(**more: Any) -> Any:
    from tasks.submission import Submission

    return Submission(Kind.ERASURE, submitted_by="cli:alice", **more)


def test_a_large_request_waits_for_somebody_else(desk: Desk) -> None:
    public_id = large(desk)
    sent: list[int] = []
    work_off(desk, by_line({}, sent))
    assert (status(desk, public_id), desk.woken, sent) == ("unconfirmed", [], [])

    with pytest.raises(AttendError, match="someone else"):
        at(desk, "cli:alice").confirm(public_id, own=False)
    at(desk, "cli:bob").confirm(public_id, own=False)
    work_off(desk, by_line({}, sent))

    assert (status(desk, public_id), desk.woken, len(sent)) == ("completed", ["insider"], 25)
    assert desk.one("SELECT confirmed_by FROM requests") == "cli:bob"
    assert notes(desk) == [("cli:bob", "confirm", None, None)]
    with pytest.raises(AttendError, match="is completed"):
        at(desk, "cli:bob").confirm(public_id, own=True)


def test_a_submitter_may_confirm_at_once(desk: Desk) -> None:
    public_id = large(desk, confirmed=True)
    assert status(desk, public_id) == "running"
    assert notes(desk)[0][:2] == ("cli:alice", "confirm")


def test_an_unconfirmed_request_can_be_cancelled(desk: Desk) -> None:
    assert at(desk).cancel(large(desk)) == Cancelled(done=0, cancelled=25, under_way=0)
    assert_in_step(desk)


def test_nothing_is_sent_while_it_cools_off(desk: Desk) -> None:
    guards = Guards({Kind.ERASURE: 3600.0})
    submission = attend_submission()
    submit(submission, people(5), engine=desk.engine, masters=desk.masters, wake=desk.woken.extend, guards=guards)
    sent: list[int] = []
    work_off(desk, by_line({}, sent))
    assert sent == []
    assert desk.one("SELECT not_before - received_at FROM requests") == timedelta(hours=1)
    assert desk.woken == []
    assert desk.one("SELECT bool_and(chunks.due_at = not_before) FROM chunks JOIN requests ON request_id = requests.id")
    desk.execute("UPDATE requests SET not_before = now()")
    desk.make_everything_due()
    work_off(desk, by_line({}, sent))
    assert len(sent) == 5


def test_the_times_given_are_kept_and_are_part_of_what_was_said(desk: Desk) -> None:
    wished = datetime(2026, 5, 25, 12, tzinfo=UTC)
    said = {"effective_at": wished, "idempotency_key": "k"}
    first = desk.submit(people(2), **said).recorded.public_id
    elsewhere = wished.astimezone(datetime.fromisoformat("2026-01-01T00:00:00+09:00").tzinfo)

    again = desk.submit(people(2), **{**said, "effective_at": elsewhere})

    assert (again.repeated, again.recorded.public_id) == (True, first)
    assert desk.one("SELECT effective_at FROM requests") == wished
    for other in ({}, {"effective_at": wished + timedelta(seconds=1)}, {**said, "not_before": wished}):
        with pytest.raises(SubmitError, match="idempotency key"):
            desk.submit(people(2), **{"idempotency_key": "k", **other})


def test_without_times_a_wish_is_of_its_receipt(desk: Desk) -> None:
    desk.submit(people(1))
    assert desk.rows("SELECT effective_at = received_at, not_before = received_at FROM requests") == [(True, True)]


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ({"effective_at": timedelta(minutes=10)}, "in the future"),
        ({"effective_at": datetime(2026, 1, 1)}, "time zone"),
        ({"not_before": timedelta(days=40)}, "before it is due"),
        ({"effective_at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))}, "between the years 1900 and 3000"),
        (
            {"not_before": datetime.max.replace(tzinfo=timezone(timedelta(hours=-14)))},
            "between the years 1900 and 3000",
        ),
    ],
)
def test_times_that_make_no_sense(desk: Desk, times: dict[str, datetime | timedelta], told: str) -> None:
    # Parameters are made when tests are collected, minutes before this runs: what is relative is from now.
    given = {name: datetime.now(UTC) + time if isinstance(time, timedelta) else time for name, time in times.items()}
    with pytest.raises(SubmitError, match=told):
        desk.submit(people(1), **given)
    assert desk.one("SELECT count(*) FROM requests") == 0


def test_an_extension_names_the_total_and_its_repeat_adds_nothing(desk: Desk) -> None:
    asked = datetime.now(UTC) - timedelta(days=2)
    public_id = desk.submit(people(1), asked_at=asked).recorded.public_id
    original = ONE_MONTH.after(asked)
    for _ in range(2):  # again, as after an answer that was lost
        assert at(desk).extend(public_id, ONE_MONTH, "many at once") == ONE_MONTH.after(original)
    assert desk.one("SELECT due_reason FROM requests") == "many at once"
    with pytest.raises(AttendError, match="2 months in all"):
        at(desk).extend(public_id, Period(3, Unit.MONTHS), "more")
    two_months = Period(2, Unit.MONTHS)
    assert at(desk).extend(public_id, two_months, "more") == two_months.after(original)
    with pytest.raises(AttendError, match="extended by more already: it is due 20"):
        at(desk).extend(public_id, ONE_MONTH, "many at once")
    assert desk.one("SELECT due_at FROM requests") == two_months.after(original)
    assert [note[:3] for note in notes(desk)] == [
        ("cli:alice", "extend", "many at once"),
        ("cli:alice", "extend", "more"),
    ]


def test_an_extension_after_the_original_date_is_too_late_but_its_repeat_is_not(desk: Desk) -> None:
    public_id = desk.submit(people(1)).recorded.public_id
    desk.execute("UPDATE requests SET due_at = now()")
    with pytest.raises(AttendError, match="before the original due date"):
        at(desk).extend(public_id, ONE_MONTH, "late")
    assert notes(desk) == []

    desk.execute("UPDATE requests SET extended_from = '2026-06-30T10:00Z', due_at = '2026-07-30T10:00Z'")
    assert at(desk).extend(public_id, ONE_MONTH, "again") == datetime(2026, 7, 30, 10, tzinfo=UTC)
    with pytest.raises(AttendError, match="before the original due date"):
        at(desk).extend(public_id, Period(2, Unit.MONTHS), "late")


@pytest.mark.parametrize(
    ("kind", "regulation", "by", "told"),
    [
        (Kind.ERASURE, Regulation.CCPA, Period(45, Unit.DAYS), None),
        (Kind.ERASURE, Regulation.CCPA, Period(46, Unit.DAYS), "45 days in all"),
        (Kind.OPT_OUT, Regulation.CCPA, Period(1, Unit.DAYS), "ccpa allows no extension"),
        (Kind.ERASURE, Regulation.KVKK, Period(1, Unit.DAYS), "kvkk allows no extension"),
    ],
)
def test_each_regulation_bounds_its_own_extension(
    desk: Desk, kind: Kind, regulation: Regulation, by: Period, told: str | None
) -> None:
    asked = datetime.now(UTC) - timedelta(days=2)
    public_id = desk.submit(people(1), kind=kind, regulation=regulation, asked_at=asked).recorded.public_id
    if told is None:
        assert at(desk).extend(public_id, by, "many") == asked + timedelta(days=90)
    else:
        with pytest.raises(AttendError, match=told):
            at(desk).extend(public_id, by, "many")
        assert notes(desk) == []


def test_what_is_due_soon_and_not_done_is_raised(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    pending = desk.submit(people(3)).recorded.public_id
    desk.execute("UPDATE requests SET not_before = now() + interval '1 day'")
    waiting = delivered(desk, by_line({2: CODE_SENT}), count=4, kind=Kind.OPT_OUT)
    done = delivered(desk, everybody(APPLIED), count=2, kind=Kind.OPT_IN)
    tools = desk.tools_for(everybody(APPLIED))

    assert warn_of_deadlines(tools) == 0
    desk.execute("UPDATE requests SET due_at = now() + id * interval '1 day'")
    with caplog.at_level(logging.WARNING, logger="tasks.due_soon"):
        assert warn_of_deadlines(tools) == 2

    assert [record.getMessage().split(" is due ")[0] for record in caplog.records] == [
        f"request {pending}",
        f"request {waiting}",
    ]
    assert caplog.records[1].getMessage().endswith(": 0 deliveries pending, 1 needs attention")
    with desk.engine.connect() as connection:
        for public_id, expected in ((pending, True), (waiting, True), (done, False)):
            found = reports.status_of(connection, public_id)
            assert found is not None
            assert found.at_risk(7) is expected
            assert found.at_risk(0.5) is False
