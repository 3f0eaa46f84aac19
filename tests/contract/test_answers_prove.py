"""Whatever a vendor answers at any step: whose fault it is, for every adapter."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

import httpx
import pytest

from adapters.conformance.conversations import every_turn
from adapters.conformance.walking import Turn, understand
from adapters.contract import Answer, Call, Person
from domain.outcomes import Outcome, Reason
from domain.requests import Kind
from domain.retry import RetryPolicy, Setback
from tasks.converse import Conversation
from tasks.evidence import Answered, Evidence
from tasks.judge import Judgement, ends, judge
from tests.contract.samples import SAMPLES, adapter_of
from tests.stubs import StubExchange
from tests.table_rows import each_row

HANDFUL, MANY, NOW = 5, 20, 1_000_000.0
POLICY = RetryPolicy(max_attempts=15, max_age_s=259_200.0)
STATUSES = (400, 402, 403, 404, 408, 409, 410, 414, 418, 422, 423, 424, 425, 429, 431, 449, 451, 499)
SERVER_STATUSES = (500, 503, 504, 520)
BODIES = {
    "empty": b"",
    "page": b"<!DOCTYPE html><title>Bad Request</title>",
    "object": b'{"message": "no"}',
    "detail": b'{"detail": "no", "result_code": 4002, "result_msg": "Invalid request format.", "result_data": null}',
    "no permission": b'{"result_code": 4004, "result_msg": "No permission.", "result_data": null}',
}
PASSING = {408, 409, 423, 424, 425, 429, 449, 499}
GOOD = {Outcome.ACCEPTED, Outcome.VERIFIED, Outcome.ABSENT, Outcome.SUPERSEDED}

RUNNER = asyncio.Runner()

every_vendor = pytest.mark.parametrize("vendor", sorted(SAMPLES))
every_status = each_row("status", [*STATUSES, *SERVER_STATUSES], thinned=3)


@pytest.fixture(autouse=True, scope="module")
def _one_loop() -> Iterator[None]:
    """Thousands of short conversations take turns on one loop: to make a loop costs more than most of them."""
    with RUNNER:
        yield


def talked(vendor: str, turn: Turn, count: int, status: int, body: bytes) -> tuple[list[Answered], int]:
    """What a conversation reports where one step answers everybody like this, and how many calls it took."""
    adapter, response = adapter_of(vendor), httpx.Response(status, content=body)

    def answering(call: Call, people: Sequence[Person]) -> list[Answer]:
        return understand(adapter, call, people, response)

    exchange, told = StubExchange(answering, adapter), list[Answered]()
    slots = asyncio.Semaphore(8)
    talk = Conversation(exchange, turn.call.order, slots, lambda: False, told.append, handful=HANDFUL)
    like = turn.people[0]
    people = [(like._replace(line=line), turn.call.step) for line in range(1, count + 1)]
    RUNNER.run(talk.lead(people))
    return told, len(exchange.sent)


def judged(told: Sequence[Answered], known: Evidence, history: dict[int, Setback] | None = None) -> Judgement:
    unsettled = [one for one in told if not ends(one)]
    steps = {one.step: known for one in unsettled}
    return judge(unsettled, history or {}, POLICY, steps=steps, handful=HANDFUL, now=NOW, jitter=1.0)


@cache
def turns(vendor: str) -> list[Turn]:
    """One of each step that an erasure takes."""
    adapter = adapter_of(vendor)
    return [
        turn
        for turn in every_turn(SAMPLES[vendor], Kind.ERASURE, "ann")
        if turn.call.step in adapter.steps(turn.call.order)
    ]


@every_vendor
@every_status
def test_where_everybody_fails_nobody_is_refused_for_good_and_few_calls_are_made(vendor: str, status: int) -> None:
    for turn in turns(vendor):
        for form, body in BODIES.items():
            told, calls = talked(vendor, turn, MANY, status, body)
            where = f"{turn.call.step} {form}"
            # A 429 pauses the vendor (adapters/exchange.py); what is missing may be missing; a session is one person's.
            if status not in (404, 429) and any(not ends(one) for one in told):
                assert calls <= MANY + HANDFUL, where
            judgement = judged(told, Evidence())
            ended = [one.outcome for one in judgement.settled]
            assert Outcome.REFUSED not in ended, where
            assert not GOOD & set(ended), where
            at_once = [one for one in told if ends(one)]
            assert all(one.answer.reason is not Reason.REJECTED for one in at_once), where
            if status in PASSING or status >= 500:
                assert not any(one.answer.verdict.value == "user" for one in told), where


@every_vendor
@each_row("status", [400, 403, 404, 409, 423, 500])
def test_where_others_are_served_it_is_the_persons_and_ends_within_the_bounds(vendor: str, status: int) -> None:
    served = Evidence(yes=3, served=60, lately=True, good_at=NOW)
    for turn in turns(vendor):
        for form, body in BODIES.items():
            history: dict[int, Setback] = {}
            told, _ = talked(vendor, turn, 1, status, body)
            if all(ends(one) for one in told):
                continue
            for _attempt in range(40):
                judgement = judged(told, served, history)
                assert not judgement.blamed, f"{turn.call.step} {form}"
                if judgement.settled:
                    break
                (rest,) = judgement.setbacks
                assert rest.due >= NOW
                history = {1: replace(rest, since=rest.since - 20_000)}
            else:
                pytest.fail(f"{turn.call.step} {form}: it never ends")


@every_vendor
@every_status
def test_one_who_is_alone_on_a_quiet_day_holds_nobody_by_a_refusal(vendor: str, status: int) -> None:
    for turn in turns(vendor):
        for form, body in BODIES.items():
            told, _ = talked(vendor, turn, 1, status, body)
            judgement = judged(told, Evidence())
            for strike in judgement.strikes.values():
                if strike.refused:
                    assert not strike.everybody, f"{turn.call.step} {form}"
            assert not GOOD & {one.outcome for one in judgement.settled}, f"{turn.call.step} {form}"
