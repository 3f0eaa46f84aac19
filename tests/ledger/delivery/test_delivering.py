"""Delivering chunks against the real ledger: every delivery ends in one outcome, whatever happens."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from adapters.contract import Answer, Call, NotNowError, Person, VendorSettings, Verdict
from domain.outcomes import Outcome, Reason
from domain.requests import Subject
from ledger.delivery import chunks, outcomes
from ledger.delivery.claiming import claim
from ledger.delivery.outcomes import Settled
from ledger.desk.reports import deliveries_of, status_of
from tasks import run as running
from tasks.deliver import deliver
from tasks.dispatch import dispatch
from tasks.settle import settle
from tests.ledger.conftest import APPLIED, Desk, everybody, people
from tests.stubs import StubAdapter, StubExchange

BUSY = Answer(Verdict.RETRY, Reason.BUSY)
FORBIDDEN = Answer(Verdict.VENDOR, Reason.FORBIDDEN)
ONE_AT_A_TIME = VendorSettings(base_url="https://vendor.example", concurrency=1)


def lease_one(desk: Desk) -> chunks.Lease:
    with desk.engine.begin() as connection:
        (claimed,) = claim(connection, "insider", 1)
        held = chunks.lease(connection, claimed.chunk_id, lease_s=60, holder="test", masters=desk.masters)
    assert held is not None
    return held


def append(desk: Desk, held: chunks.Lease, *settled: Settled) -> None:
    with desk.engine.begin() as connection:
        outcomes.append(connection, held, settled, used_sessions=False)


def status(desk: Desk, request_id: int = 1) -> str:
    return str(desk.one("SELECT CAST(status AS text) FROM requests WHERE id = :id", id=request_id))


def wait_s(desk: Desk) -> float:
    return float(desk.one("SELECT CAST(extract(epoch FROM due_at - now()) AS double precision) FROM chunks"))


def test_everybody_ends_and_the_request_closes(desk: Desk) -> None:
    receipt = desk.submit(people(35))
    desk.work_off(desk.tools_for(everybody(APPLIED)))
    assert desk.outcomes() == {("insider", line): ("accepted", None, 1) for line in range(1, 36)}
    assert status(desk) == "completed"
    desk.assert_tallies_add_up()
    with desk.engine.begin() as connection:
        found = status_of(connection, receipt.recorded.public_id)
        exported = list(deliveries_of(connection, receipt.recorded.public_id))
    assert found is not None
    assert found.vendors == {"insider": {"pending": 0, "accepted": 35}}
    assert [(row.line, row.vendor, row.outcome, row.attempts) for row in exported] == [
        (line, "insider", "accepted", 1) for line in range(1, 36)
    ]


@pytest.mark.parametrize(
    ("answer", "ends_as"),
    [
        (APPLIED, "completed"),
        (Answer(Verdict.ABSENT), "completed"),
        (Answer(Verdict.NOT_APPLICABLE, Reason.NO_OPERATION), "completed"),
        (Answer(Verdict.UNREACHABLE, Reason.NO_IDENTIFIER), "completed_with_exceptions"),
        (Answer(Verdict.USER, Reason.REJECTED), "completed_with_exceptions"),
        (Answer(Verdict.ACTION, Reason.SESSION_EXPIRED), "completed_with_exceptions"),
    ],
)
def test_how_a_request_closes(desk: Desk, answer: Answer, ends_as: str) -> None:
    desk.submit(people(3))
    desk.work_off(desk.tools_for(lambda call, batch: [answer if one.line == 2 else APPLIED for one in batch]))
    assert status(desk) == ends_as
    assert desk.one("SELECT closed_at IS NOT NULL FROM requests")


def test_a_request_stays_open_while_one_vendor_is_not_done(desk: Desk) -> None:
    desk.announce(insider=10, algonomy=10)
    desk.submit(people(3))
    desk.work_off(desk.tools_for(everybody(APPLIED)))
    assert status(desk) == "running"
    assert settle(desk.tools({})) == 0
    desk.work_off(desk.tools_for(everybody(APPLIED), vendor="algonomy"))
    assert status(desk) == "completed"


def test_duplicates_leave_holes_that_nobody_waits_for(desk: Desk) -> None:
    desk.submit(people(1) * 35)
    sent: list[int] = []

    def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        sent.extend(one.line for one in batch)
        return [APPLIED] * len(batch)

    desk.work_off(desk.tools_for(answering))
    assert sent == [1]
    assert status(desk) == "completed"


def test_who_failed_is_tried_again_and_nobody_else(desk: Desk) -> None:
    desk.submit(people(10))
    sent: list[tuple[int, ...]] = []

    def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        sent.append(tuple(one.line for one in batch))
        return [BUSY if one.line in (3, 7) and len(sent) < 3 else APPLIED for one in batch]

    tools = desk.tools_for(answering)
    for _ in range(3):
        desk.make_everything_due()
        desk.work_off(tools, runs=1)
        desk.queued.clear()
    assert sent == [tuple(range(1, 11)), (3, 7), (3, 7)]
    attempts = {line: found[2] for (_, line), found in desk.outcomes().items()}
    assert attempts == {line: 3 if line in (3, 7) else 1 for line in range(1, 11)}
    assert status(desk) == "completed"


def test_who_keeps_failing_is_exhausted(desk: Desk) -> None:
    desk.submit(people(2))
    tools = desk.tools_for(everybody(BUSY))
    for _ in range(20):
        desk.make_everything_due()
        desk.work_off(tools, runs=1)
        desk.queued.clear()
    assert desk.outcomes() == {("insider", line): ("exhausted", "busy", 15) for line in (1, 2)}
    assert status(desk) == "completed_with_exceptions"


def test_second_attempts_know_that_the_first_may_have_arrived(desk: Desk) -> None:
    desk.submit(people(1))
    tried: list[bool] = []

    def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        tried.extend(one.tried for one in batch)
        return [BUSY if len(tried) < 2 else APPLIED]

    for _ in range(2):
        desk.make_everything_due()
        desk.work_off(desk.tools_for(answering), runs=1)
        desk.queued.clear()
    assert tried == [False, True]


@pytest.mark.parametrize("reached", [True, False])
def test_after_a_worker_vanished_everybody_it_had_is_interrupted_until_asked_again(
    desk: Desk, *, reached: bool
) -> None:
    desk.submit(people(2))
    lease_one(desk)  # by a worker that is never seen again
    seen: list[list[bool]] = []

    def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        seen.append([one.interrupted for one in batch])
        if len(seen) == 1 and not reached:
            raise NotNowError(1.0)
        return [BUSY if len(seen) == 1 else APPLIED] * len(batch)

    for _ in range(2):
        desk.make_everything_due()
        desk.work_off(desk.tools_for(answering), runs=1)
        desk.queued.clear()
    assert seen == [[True, True], [not reached] * 2]


def test_who_was_not_sent_is_not_taken_for_tried_because_others_of_the_chunk_were(desk: Desk) -> None:
    desk.submit(people(2))
    seen: list[dict[int, bool]] = []

    def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        seen.append({one.line: one.tried for one in batch})
        if len(seen) == 2:
            raise NotNowError(1.0)
        return [BUSY if len(seen) == 1 else APPLIED] * len(batch)

    one_by_one = VendorSettings(base_url="https://vendor.example", concurrency=1)
    one_each = StubExchange(answering, StubAdapter(batch=1, settings=one_by_one))
    for _ in range(2):
        desk.make_everything_due()
        desk.work_off(desk.tools({"insider": one_each}), runs=1)
        desk.queued.clear()
    assert seen[:2] == [{1: False}, {2: False}]
    assert sorted(seen[2:], key=str) == [{1: True}, {2: False}]


def test_without_permits_a_chunk_rests_and_no_attempt_is_counted(desk: Desk) -> None:
    desk.submit(people(3))

    def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        raise NotNowError(400.0)

    desk.work_off(desk.tools_for(answering))
    assert desk.outcomes() == {}
    assert desk.rows("SELECT CAST(state AS text), setbacks FROM chunks") == [("waiting", [])]
    assert 300 < wait_s(desk) <= 400


def test_who_failed_before_does_not_hurry_a_chunk_that_must_wait(desk: Desk) -> None:
    desk.submit(people(3))
    desk.work_off(desk.tools_for(everybody(BUSY)), runs=1)
    desk.queued.clear()
    desk.make_everything_due()

    def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        raise NotNowError(400.0)

    desk.work_off(desk.tools_for(answering), runs=1)
    assert 300 < wait_s(desk) <= 400
    assert desk.one("SELECT setbacks->0->0 FROM chunks") == 1


def test_blame_after_a_failure_keeps_the_chunk_waiting_too(desk: Desk) -> None:
    desk.submit(people(3))
    desk.work_off(desk.tools_for(everybody(BUSY)), runs=1)
    desk.queued.clear()
    desk.make_everything_due()
    desk.work_off(desk.tools_for(everybody(FORBIDDEN)), runs=1)
    assert wait_s(desk) > 1.0
    assert desk.one("SELECT setbacks->0->0 FROM chunks") == 1


def test_a_broken_vendor_is_held_and_nobody_pays_for_it(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.submit(people(100))
    tools = desk.tools_for(everybody(FORBIDDEN))
    for _ in range(3):
        desk.work_off(tools)
        desk.make_everything_due()
    assert desk.outcomes() == {}
    assert desk.rows("SELECT step, held_by, held_reason FROM steps") == [("first", "worker", "forbidden")]
    assert desk.one("SELECT count(*) FROM chunks WHERE setbacks <> '[]'") == 0
    assert [record.message for record in caplog.records] == ["insider is held at first: forbidden"]
    well = desk.tools_for(everybody(APPLIED))
    assert dispatch("insider", well) == 0
    desk.execute("UPDATE steps SET probe_at = now()")
    desk.work_off(well)
    assert len(desk.outcomes()) == 100
    assert status(desk) == "completed"


def test_bad_credentials_hold_at_once(desk: Desk) -> None:
    desk.submit(people(10))
    desk.work_off(desk.tools_for(everybody(Answer(Verdict.VENDOR, Reason.BAD_CREDENTIALS))))
    assert desk.one("SELECT held_reason FROM vendors") == "bad_credentials"


def test_a_worker_that_stops_gives_the_rest_back_at_once(desk: Desk) -> None:
    desk.submit(people(30))

    def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        desk.stopping = len(desk.outcomes()) == 0
        return [APPLIED] * len(batch)

    exchange = StubExchange(answering, StubAdapter(batch=2))
    dispatch("insider", desk.tools({"insider": exchange}))
    tools = desk.tools({"insider": exchange})
    deliver(desk.queued[0][1], tools)
    deliver(desk.queued[1][1], tools)
    assert 0 < len(desk.outcomes()) < 20
    assert desk.one("SELECT count(*) FROM chunks WHERE state = 'leased'") == 0
    desk.stopping = False
    desk.queued.clear()
    desk.make_everything_due()
    desk.work_off(tools)
    assert len(desk.outcomes()) == 30
    sent = Counter(line for _, lines in exchange.sent for line in lines)
    assert set(sent.values()) == {1}


def test_a_vendor_this_worker_does_not_know_is_left_for_another(desk: Desk) -> None:
    desk.submit(people(3))
    dispatch("insider", desk.tools_for(everybody(APPLIED)))
    deliver(desk.queued.pop()[1], desk.tools({}))
    assert desk.rows("SELECT CAST(state AS text) FROM chunks") == [("waiting",)]
    assert wait_s(desk) > 20


def test_delivering_twice_changes_nothing(desk: Desk) -> None:
    desk.submit(people(5))
    exchange = StubExchange(everybody(APPLIED), StubAdapter())
    tools = desk.tools({"insider": exchange})
    dispatch("insider", tools)
    chunk_id = desk.queued[0][1]
    for _ in range(3):
        deliver(chunk_id, tools)
    assert len(exchange.sent) == 1
    desk.assert_tallies_add_up()


def test_a_fault_of_ours_gives_the_chunk_back_counted(desk: Desk) -> None:
    desk.submit(people(3))
    calls = 0

    def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise LookupError("ours")
        return [APPLIED] * len(batch)

    tools = desk.tools_for(answering)
    dispatch("insider", tools)
    with pytest.raises(ExceptionGroup):
        deliver(desk.queued.pop()[1], tools)
    assert desk.rows("SELECT CAST(state AS text), lease FROM chunks") == [("waiting", None)]
    desk.make_everything_due()
    desk.work_off(tools)
    assert set(desk.outcomes().values()) == {("accepted", None, 2)}


def test_what_was_answered_is_recorded_before_a_fault_of_ours_is_counted(desk: Desk) -> None:
    desk.submit(people(4))

    def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        if batch[0].line == 3:
            raise LookupError("ours")
        return [APPLIED] * len(batch)

    exchange = StubExchange(answering, StubAdapter(batch=2, settings=ONE_AT_A_TIME))
    tools = desk.tools({"insider": exchange})
    dispatch("insider", tools)
    with pytest.raises(ExceptionGroup):
        deliver(desk.queued.pop()[1], tools)
    assert desk.outcomes() == {("insider", line): ("accepted", None, 1) for line in (1, 2)}
    assert desk.rows("SELECT each -> 0, each -> 3 FROM chunks, jsonb_array_elements(setbacks) AS each ORDER BY 2") == [
        (1, [3]),
        (1, [4]),
    ]


def test_a_lost_lease_records_nothing_and_stops_sending(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(running, "RECORD_EVERY_S", 0.05)
    desk.submit(people(10))
    sent: list[int] = []

    async def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        sent.extend(one.line for one in batch)
        if len(sent) == 1:  # meanwhile this worker is taken for dead, and another one takes the chunk
            desk.execute("UPDATE chunks SET lease = gen_random_uuid()")
        await asyncio.sleep(0.15)
        return [APPLIED] * len(batch)

    exchange = StubExchange(answering, StubAdapter(batch=1))
    tools = desk.tools({"insider": exchange})
    dispatch("insider", tools)
    deliver(desk.queued.pop()[1], tools)
    assert desk.outcomes() == {}
    assert desk.one("SELECT count(*) FROM tallies") == 0
    assert "chunk 1 is no longer ours" in caplog.text
    so_far = len(sent)
    asyncio.run(asyncio.sleep(0.4))
    assert len(sent) == so_far, "went on sending what nobody would record"


def test_what_is_answered_is_recorded_as_it_comes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "RECORD_EVERY_S", 0.02)
    desk.submit(people(6))
    seen: list[int] = []

    async def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        if batch[0].line == 6:
            for _ in range(3_000):
                if len(desk.outcomes()) == 5:
                    break
                await asyncio.sleep(0.02)
            seen.append(len(desk.outcomes()))
        return [APPLIED] * len(batch)

    desk.work_off(desk.tools({"insider": StubExchange(answering, StubAdapter(batch=1))}))
    assert seen == [5]
    assert len(desk.outcomes()) == 6


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE outcomes SET outcome = 'refused'",
        "UPDATE outcomes SET reason = 'x' WHERE line = 1",
        "DELETE FROM outcomes",
        "DELETE FROM outcomes WHERE line = 1",
        "TRUNCATE outcomes",
        "TRUNCATE outcomes, tallies CASCADE",
    ],
)
def test_outcomes_cannot_be_changed(desk: Desk, statement: str) -> None:
    desk.submit(people(3))
    desk.work_off(desk.tools_for(everybody(APPLIED)))
    with pytest.raises(DBAPIError, match="append-only"):
        desk.execute(statement)
    assert len(desk.outcomes()) == 3


def test_the_first_outcome_of_a_delivery_stands(desk: Desk) -> None:
    desk.submit(people(3))
    held = lease_one(desk)
    append(desk, held, Settled([1], Outcome.ACCEPTED, None, 1), Settled([2], Outcome.REFUSED, Reason.REJECTED, 1))
    append(desk, held, Settled([1], Outcome.REFUSED, Reason.REJECTED, 2), Settled([3], Outcome.ABSENT, None, 1))
    append(desk, held, Settled([3], Outcome.ABSENT, None, 1), Settled([3], Outcome.REFUSED, None, 1))
    append(desk, held)
    assert desk.outcomes() == {
        ("insider", 1): ("accepted", None, 1),
        ("insider", 2): ("refused", "rejected", 1),
        ("insider", 3): ("absent", None, 1),
    }
    desk.assert_tallies_add_up()


def test_only_the_sessions_of_those_who_are_done_are_deleted(desk: Desk) -> None:
    desk.announce(akinon=10)
    desk.switch_off("insider")
    with_sessions: list[Subject] = [
        {**one, "vendors": {"akinon": {"session_id": f"s-{line}"}}} for line, one in enumerate(people(4), start=1)
    ]
    desk.submit(with_sessions)
    seen: dict[int, Any] = {}

    def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        seen.update({one.line: (one.subject.get("vendors") or {}).get("akinon") for one in batch})
        return [[APPLIED, BUSY, Answer(Verdict.ACTION, Reason.SESSION_EXPIRED), BUSY][one.line - 1] for one in batch]

    desk.work_off(desk.tools_for(answering, vendor="akinon", keeps_sessions=True), runs=1)
    assert seen == {line: {"session_id": f"s-{line}"} for line in range(1, 5)}
    assert desk.rows("SELECT line FROM sessions ORDER BY line") == [(2,), (4,)]
    desk.queued.clear()
    desk.make_everything_due()
    desk.work_off(desk.tools_for(everybody(APPLIED), vendor="akinon", keeps_sessions=True))
    assert desk.one("SELECT count(*) FROM sessions") == 0
    assert status(desk) == "completed_with_exceptions"


def test_whatever_the_vendor_answers_everybody_ends_once_and_the_tallies_add_up(desk: Desk) -> None:
    draw = random.Random(4711)
    answers = [
        *[APPLIED] * 4,
        BUSY,
        Answer(Verdict.AMBIGUOUS, Reason.ANSWER_LOST),
        Answer(Verdict.RETRY, Reason.RATE_LIMITED),
        Answer(Verdict.USER, Reason.REJECTED),
        Answer(Verdict.ABSENT),
        Answer(Verdict.SPLIT, Reason.REJECTED),
    ]
    desk.submit(people(60))
    tools = desk.tools_for(lambda call, batch: [draw.choice(answers) for _ in batch])
    for _ in range(40):
        desk.make_everything_due()
        desk.work_off(tools, runs=10)
        desk.queued.clear()
        desk.assert_tallies_add_up()
        if status(desk) != "running":
            break
    assert sorted(line for _, line in desk.outcomes()) == list(range(1, 61))


def test_no_log_tells_a_person(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    desk.submit(people(20))
    told: list[str] = []

    def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        told.append(f"{batch!r} {batch[0]} {call!r}")
        if len(told) == 1:
            raise LookupError("ours")
        return [FORBIDDEN if len(told) == 2 else APPLIED] * len(batch)

    tools = desk.tools_for(answering)
    dispatch("insider", tools)
    with pytest.raises(ExceptionGroup) as group:
        deliver(desk.queued.pop()[1], tools)
    desk.make_everything_due()
    desk.work_off(tools)
    shown = f"{caplog.text} {told} {group.value!r} {group.value.exceptions!r} {tools!r}"
    assert len(told) >= 2
    assert "jane" not in shown
    assert "private.example" not in shown
    assert "+8210" not in shown
