"""Leading people through a vendor's steps."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.contract import Answer, Call, NotNowError, Order, Person, Verdict
from adapters.exchange import OurFaultError
from domain.outcomes import Reason
from domain.requests import Kind
from tasks.converse import Conversation
from tasks.evidence import CALLS_TO_HALT, Answered
from tests.examples import examples
from tests.stubs import Answering, StubAdapter, StubExchange, person

APPLIED = Answer(Verdict.APPLIED)
BUSY = Answer(Verdict.RETRY, Reason.BUSY)
SPLIT = Answer(Verdict.SPLIT, Reason.REJECTED)
FORBIDDEN = Answer(Verdict.VENDOR, Reason.FORBIDDEN)


class Talk:
    """A conversation with a stub, and all that came of it."""

    def __init__(
        self,
        answering: Answering,
        *,
        batch: int = 10,
        slots: int = 4,
        stopping: Callable[[], bool] = lambda: False,
        handful: int = 5,
    ) -> None:
        self.exchange = StubExchange(answering, StubAdapter(batch=batch))
        self.answered: list[Answered] = []
        self.conversation = Conversation(
            self.exchange,
            Order(Kind.ERASURE),
            asyncio.Semaphore(slots),
            stopping,
            self.answered.append,
            handful=handful,
        )

    async def lead(self, lines: Iterable[int], step: str = "first") -> None:
        await self.conversation.lead([(person(line), step) for line in lines])

    @property
    def answers(self) -> dict[int, Answer]:
        """Line to answer; fails where one person was answered twice."""
        told = [(person.line, one.answer) for one in self.answered for person in one.people]
        found = dict(told)
        assert len(found) == len(told)
        return found


def everybody(answer: Answer) -> Answering:
    return lambda call, people: [answer] * len(people)


async def test_everybody_is_answered_once_in_batches_within_the_limit() -> None:
    talk = Talk(everybody(APPLIED), batch=7)
    await talk.lead(range(1, 31))
    assert talk.answers == dict.fromkeys(range(1, 31), APPLIED)
    assert sorted(len(lines) for _, lines in talk.exchange.sent) == [2, 7, 7, 7, 7]


async def test_nobody_to_lead() -> None:
    talk = Talk(everybody(APPLIED))
    await talk.lead([])
    assert talk.exchange.sent == []


async def test_each_step_is_a_batch_of_its_own() -> None:
    talk = Talk(everybody(APPLIED))
    await talk.conversation.lead([(person(line), "even" if line % 2 == 0 else "odd") for line in range(1, 7)])
    assert sorted(talk.exchange.sent) == [("even", (2, 4, 6)), ("odd", (1, 3, 5))]


async def test_steps_lead_on_and_carry_what_was_found() -> None:
    carried: dict[str, dict[int, Any]] = {"second": {}, "third": {}}

    def answering(call: Call, people: Sequence[Person]) -> list[Answer]:
        if call.step == "first":
            return [Answer(Verdict.PROCEED, step="second", carry=f"id-{one.line}") for one in people]
        carried[call.step] |= {one.line: one.carry for one in people}
        if call.step == "second":
            return [Answer(Verdict.PROCEED, step="third", carry=one.carry + "+") for one in people]
        return [APPLIED] * len(people)

    talk = Talk(answering, batch=3)
    await talk.lead(range(1, 8))
    assert talk.answers == dict.fromkeys(range(1, 8), APPLIED)
    assert carried["second"] == {line: f"id-{line}" for line in range(1, 8)}
    assert carried["third"] == {line: f"id-{line}+" for line in range(1, 8)}


async def test_only_those_who_may_proceed_do() -> None:
    def answering(call: Call, people: Sequence[Person]) -> list[Answer]:
        if call.step == "second":
            return [APPLIED] * len(people)
        return [Answer(Verdict.PROCEED, step="second") if one.line % 2 else BUSY for one in people]

    talk = Talk(answering)
    await talk.lead(range(1, 7))
    assert talk.answers == {line: APPLIED if line % 2 else BUSY for line in range(1, 7)}
    assert talk.exchange.sent == [("first", (1, 2, 3, 4, 5, 6)), ("second", (1, 3, 5))]


async def test_people_who_proceed_to_different_steps() -> None:
    def answering(call: Call, people: Sequence[Person]) -> list[Answer]:
        if call.step != "first":
            return [APPLIED] * len(people)
        return [Answer(Verdict.PROCEED, step="left" if one.line < 3 else "right") for one in people]

    talk = Talk(answering)
    await talk.lead(range(1, 5))
    assert sorted(talk.exchange.sent[1:]) == [("left", (1, 2)), ("right", (3, 4))]
    assert len(talk.answers) == 4


def poisoned(poison: frozenset[int], answer: Answer = SPLIT) -> Answering:
    """Refuses a whole batch for one bad record in it, as vendors do."""

    def answering(call: Call, people: Sequence[Person]) -> list[Answer]:
        return [answer if any(one.line in poison for one in people) else APPLIED] * len(people)

    return answering


@settings(max_examples=examples(60), deadline=None)
@given(
    count=st.integers(1, 70),
    batch=st.integers(1, 40),
    slots=st.integers(1, 4),
    poison=st.frozensets(st.integers(1, 70)),
)
def test_bisection_finds_the_poison_and_nobody_else(count: int, batch: int, slots: int, poison: frozenset[int]) -> None:
    poison &= set(range(1, count + 1))

    async def run() -> Talk:
        # With a handful refused in a row, the step would be blamed instead.
        talk = Talk(poisoned(poison), batch=batch, slots=slots, handful=count + 1)
        await talk.lead(range(1, count + 1))
        return talk

    talk = asyncio.run(run())
    assert talk.answers == {
        line: Answer(Verdict.USER, Reason.REJECTED) if line in poison else APPLIED for line in range(1, count + 1)
    }
    answered_well = Counter(line for _, lines in talk.exchange.sent if not poison & set(lines) for line in lines)
    assert set(answered_well.values()) <= {1}, "somebody was sent again after they had been answered"
    # Each poison record costs at most two requests for each halving.
    assert len(talk.exchange.sent) <= -(-count // batch) + len(poison) * 2 * max(1, batch.bit_length())


async def test_a_record_too_large_by_itself_is_told_as_such() -> None:
    talk = Talk(poisoned(frozenset({5}), Answer(Verdict.SPLIT, Reason.TOO_LARGE)))
    await talk.lead(range(1, 11))
    assert talk.answers[5] == Answer(Verdict.USER, Reason.TOO_LARGE)
    assert Counter(answer.verdict for answer in talk.answers.values()) == {Verdict.APPLIED: 9, Verdict.USER: 1}


async def test_a_vendor_that_names_the_one_is_believed() -> None:
    talk = Talk(lambda call, people: [SPLIT if one.line == 3 else APPLIED for one in people])
    await talk.lead(range(1, 6))
    assert talk.answers[3] == Answer(Verdict.USER, Reason.REJECTED)
    assert len(talk.exchange.sent) == 1


async def test_a_split_in_a_later_step_bisects_that_step_only() -> None:
    def answering(call: Call, people: Sequence[Person]) -> list[Answer]:
        if call.step == "first":
            return [Answer(Verdict.PROCEED, step="second", carry=one.line) for one in people]
        assert all(one.carry == one.line for one in people)
        return [SPLIT if any(one.line == 2 for one in people) else APPLIED] * len(people)

    talk = Talk(answering)
    await talk.lead(range(1, 5))
    assert Counter(step for step, _ in talk.exchange.sent)["first"] == 1
    assert [line for line, answer in talk.answers.items() if answer.verdict is Verdict.USER] == [2]


async def test_answers_that_blame_the_vendor_halt_after_a_few() -> None:
    talk = Talk(everybody(FORBIDDEN), batch=1, slots=1)
    await talk.lead(range(1, 101))
    assert len(talk.exchange.sent) == CALLS_TO_HALT
    assert set(talk.answers.values()) == {FORBIDDEN}
    assert talk.conversation.served == 0


async def test_bad_credentials_halt_at_once() -> None:
    talk = Talk(everybody(Answer(Verdict.VENDOR, Reason.BAD_CREDENTIALS)), batch=1, slots=1)
    await talk.lead(range(1, 101))
    assert len(talk.exchange.sent) == 1


async def test_blame_that_comes_between_good_answers_does_not_halt() -> None:
    talk = Talk(lambda call, people: [FORBIDDEN if one.line % 3 else APPLIED for one in people], batch=1, slots=1)
    await talk.lead(range(1, 31))
    assert len(talk.answers) == 30
    assert talk.conversation.served == 10


@pytest.mark.parametrize(
    ("answer", "served"),
    [
        (APPLIED, 1),
        (Answer(Verdict.ABSENT), 1),
        (Answer(Verdict.ABSENT, needs_witness=True), 0),
        (Answer(Verdict.USER, Reason.REJECTED), 0),
        (BUSY, 0),
        (FORBIDDEN, 0),
    ],
)
async def test_which_answers_served_somebody(answer: Answer, served: int) -> None:
    talk = Talk(everybody(answer))
    await talk.lead([1])
    assert talk.conversation.served == served


async def test_without_permits_nobody_else_is_sent_and_the_delay_is_kept() -> None:
    def answering(call: Call, people: Sequence[Person]) -> list[Answer]:
        if people[0].line > 2:
            raise NotNowError(7.5)
        return [APPLIED] * len(people)

    talk = Talk(answering, batch=1, slots=1)
    await talk.lead(range(1, 21))
    assert talk.answers == {1: APPLIED, 2: APPLIED}
    assert len(talk.exchange.sent) == 3
    assert talk.conversation.delay_s == 7.5


async def test_without_permits_for_the_next_step_nobody_is_called_done() -> None:
    def answering(call: Call, people: Sequence[Person]) -> list[Answer]:
        if call.step == "second":
            raise NotNowError(1.0)
        return [Answer(Verdict.PROCEED, step="second")] * len(people)

    talk = Talk(answering)
    await talk.lead([1, 2])
    assert talk.answers == {}


async def test_a_worker_that_stops_sends_nothing_more() -> None:
    stopped = False

    def answering(call: Call, people: Sequence[Person]) -> list[Answer]:
        nonlocal stopped
        stopped = len(talk.answered) >= 2
        return [APPLIED] * len(people)

    talk = Talk(answering, batch=1, slots=1, stopping=lambda: stopped)
    await talk.lead(range(1, 21))
    assert talk.answers == dict.fromkeys([1, 2, 3], APPLIED)
    assert talk.conversation.delay_s == 0.0


async def test_no_more_requests_at_once_than_slots() -> None:
    async def slow(call: Call, people: Sequence[Person]) -> list[Answer]:
        await asyncio.sleep(0.005)
        return [APPLIED] * len(people)

    talk = Talk(slow, batch=1, slots=3)
    await talk.lead(range(1, 13))
    assert talk.exchange.most_in_flight == 3


async def test_a_fault_of_ours_ends_the_talk_and_is_not_hidden() -> None:
    def broken(call: Call, people: Sequence[Person]) -> list[Answer]:
        raise LookupError("ours")

    talk = Talk(broken)
    with pytest.raises(ExceptionGroup) as group:
        await talk.lead([1])
    assert group.group_contains(LookupError)
    assert talk.answers == {}


# Refusals, blame and trouble


def known(talk: Talk, *steps: str) -> Talk:
    talk.conversation.well = steps
    return talk


@pytest.mark.parametrize(("count", "batch", "most"), [(200, 1, 10), (200, 20, 20), (1_000, 1_000, 25), (5, 5, 9)])
async def test_a_refusal_of_everybody_is_found_out_with_a_handful_of_calls(count: int, batch: int, most: int) -> None:
    for answer in (SPLIT, Answer(Verdict.USER, Reason.REJECTED)):
        talk = Talk(everybody(answer), batch=batch, slots=64)
        await talk.lead(range(1, count + 1))
        assert len(talk.exchange.sent) <= most
        assert talk.conversation.halted
        assert all(one.step == "first" and not one.company_served for one in talk.answered)


async def test_at_a_step_that_is_not_known_to_work_a_few_calls_go_first() -> None:
    begun = asyncio.Event()

    async def slow(call: Call, people: Sequence[Person]) -> list[Answer]:
        await begun.wait()
        return [APPLIED] * len(people)

    for well, most in ((), 5), (("first",), 40):
        begun.clear()
        talk = known(Talk(slow, batch=1, slots=64), *well)
        leading = asyncio.create_task(talk.lead(range(1, 41)))
        for _ in range(1_000):  # until nothing moves any more
            await asyncio.sleep(0)
        assert talk.exchange.in_flight == most
        begun.set()
        await leading
        assert len(talk.answers) == 40
    assert talk.exchange.most_in_flight == 40


async def test_after_the_first_yes_there_are_as_many_at_once_as_there_are_slots() -> None:
    first = True

    async def slow(call: Call, people: Sequence[Person]) -> list[Answer]:
        nonlocal first
        first, wait_s = False, 0.0 if first else 0.02
        await asyncio.sleep(wait_s)
        return [APPLIED] * len(people)

    talk = Talk(slow, batch=1, slots=64)
    await talk.lead(range(1, 41))
    assert talk.exchange.most_in_flight > 30


@pytest.mark.parametrize("line", [1, 7, 20])
async def test_a_batch_that_is_blamed_while_others_are_served_is_taken_apart(line: int) -> None:
    talk = known(Talk(poisoned(frozenset({line}), FORBIDDEN), batch=20), "first")
    await talk.lead(range(1, 41))
    assert {found for found, answer in talk.answers.items() if answer is FORBIDDEN} == {line}
    assert len(talk.answers) == 40
    (alone,) = [one for one in talk.answered if one.answer is FORBIDDEN]
    assert alone.company_served


async def test_a_batch_that_is_blamed_where_nobody_was_served_is_not() -> None:
    talk = Talk(everybody(FORBIDDEN), batch=20)
    await talk.lead(range(1, 21))
    assert talk.exchange.sent == [("first", tuple(range(1, 21)))]


@pytest.mark.parametrize("reason", [Reason.CONFLICT, Reason.SERVER_ERROR, Reason.ANSWER_LOST, Reason.RATE_LIMITED])
async def test_what_passes_by_itself_is_never_taken_apart(reason: Reason) -> None:
    talk = known(Talk(everybody(Answer(Verdict.RETRY, reason)), batch=20), "first")
    await talk.lead(range(1, 21))
    assert talk.exchange.sent == [("first", tuple(range(1, 21)))]


async def test_a_yes_at_the_first_step_does_not_hide_that_the_second_fails() -> None:
    def answering(call: Call, people: Sequence[Person]) -> list[Answer]:
        said = Answer(Verdict.PROCEED, step="second") if call.step == "first" else FORBIDDEN
        return [said] * len(people)

    talk = Talk(answering, batch=1, slots=1)
    await talk.lead(range(1, 101))
    assert sum(step == "second" for step, _ in talk.exchange.sent) == CALLS_TO_HALT
    assert (talk.conversation.step_results["first"].yes, talk.conversation.step_results["second"].yes) == (3, 0)


async def test_who_is_to_be_alone_shares_no_request() -> None:
    talk = Talk(everybody(APPLIED), batch=10)
    await talk.conversation.lead([(person(line, alone=line == 3), "first") for line in range(1, 7)])
    assert sorted(talk.exchange.sent) == [("first", (1, 2, 4, 5, 6)), ("first", (3,))]


async def test_what_is_known_of_one_form_of_a_step_is_known_of_the_other() -> None:
    def answering(call: Call, people: Sequence[Person]) -> list[Answer]:
        if call.step == "first":
            return [Answer(Verdict.PROCEED, step="first_again", needs_witness=True)] * len(people)
        return [SPLIT] * len(people)

    talk = Talk(answering, batch=20)
    talk.exchange.adapter = StubAdapter(batch=20, forms={"first_again": "first"})
    async with asyncio.timeout(5):
        await talk.lead(range(1, 41))
    assert talk.conversation.halted
    assert {one.step for one in talk.answered} == {"first"}


def failing_on(bad: frozenset[int]) -> Answering:
    def answering(call: Call, people: Sequence[Person]) -> list[Answer]:
        if any(one.line in bad for one in people):
            raise OurFaultError
        return [APPLIED] * len(people)

    return answering


async def test_a_fault_of_ours_touches_the_one_it_is_about() -> None:
    talk = Talk(failing_on(frozenset({4, 11})), batch=20)
    await talk.lead(range(1, 21))
    ours = Answer(Verdict.AMBIGUOUS, Reason.OUR_FAULT)
    assert talk.answers == {line: ours if line in (4, 11) else APPLIED for line in range(1, 21)}


async def test_a_fault_of_ours_on_everybody_does_not_cost_a_call_for_each() -> None:
    talk = Talk(failing_on(frozenset(range(1, 1_001))), batch=1_000)
    await talk.lead(range(1, 1_001))
    assert set(talk.answers.values()) == {Answer(Verdict.AMBIGUOUS, Reason.OUR_FAULT)}
    assert len(talk.answers) == 1_000
    assert len(talk.exchange.sent) < 60
