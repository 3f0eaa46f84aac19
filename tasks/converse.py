"""Leads people through a vendor's steps: batched to its limits, bisected on a split, many requests in flight."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from operator import itemgetter

from adapters.contract import Answer, Call, GroupsByCarry, NotNowError, Order, Person, Verdict
from adapters.exchange import Exchange, OurFaultError
from domain.chunking import cut, halve
from domain.outcomes import Reason
from tasks.batching import alike_of, but_for_the_lone, by_carry, going_on
from tasks.bisection import Bisection, Isolating, fails_again
from tasks.evidence import CALLS_TO_HALT, Answered, Sort, StepResults, sort_of

AT_FIRST = 5
"""How many calls at once a step gets that is not known to work, until it has served somebody."""


_Ahead = tuple[str, Sequence[Person], Bisection | None]
"""A batch still to be sent: its step, its people, and the batch that it was split from."""


@dataclass
class Conversation:
    """One chunk's conversation with one vendor. People without an answer at its end were not sent, or not through all
    steps; repeating any step is safe."""

    exchange: Exchange
    order: Order
    slots: AbstractAsyncContextManager[None]
    """Holds one of this process's slots at this vendor while entered."""
    stopping: Callable[[], bool]
    report: Callable[[Answered], None]
    handful: int = 5
    """After so many people refused in a row, with nobody served between them, the conversation ends."""
    well: Collection[str] = ()
    """Steps that are known to work."""
    step_results: defaultdict[str, StepResults] = field(default_factory=lambda: defaultdict(StepResults))
    """The results of each step so far."""
    delay_s: float = 0.0
    """How long to wait, where permits ran out."""
    halted: bool = False
    """Whether the conversation ended early: nothing more is sent for now."""
    _our_faults: int = 0
    _put_off: list[tuple[str, Answered]] = field(default_factory=list)
    """Batches at which the server fails repeatedly, each with its step; they are split after everything else."""
    _care: dict[str, asyncio.Semaphore] = field(default_factory=dict)
    _bisecting: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    @property
    def served(self) -> int:
        """Calls with which the vendor served somebody."""
        return sum(results.yes for results in self.step_results.values())

    async def lead(self, people: Iterable[tuple[Person, str]]) -> None:
        """Lead each person from the step given with them to an answer."""
        batches = list(self._batches(people))
        waiting = iter(batches)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(len(batches), self.exchange.adapter.settings.concurrency)):
                group.create_task(self._walk(waiting))
        for step, failing in self._put_off:
            async with self.slots:
                await self._isolate(step, failing)

    async def _walk(self, waiting: Iterator[tuple[str, Sequence[Person]]]) -> None:
        for step, batch in waiting:
            # A batch keeps its slot through all steps: finish batches before starting new ones.
            async with self.slots:
                await self._ask(step, batch)

    async def _ask(self, step: str, batch: Sequence[Person], within: Bisection | None = None) -> None:
        """Send these people, and lead those who go on through the following steps."""
        # A loop, because a conversation may take thousands of steps: B2CORE deletes a client's contacts one by one.
        ahead = deque(await self._ask_once(step, batch, within))
        while ahead:
            ahead.extend(await self._ask_once(*ahead.popleft()))

    async def _ask_once(self, step: str, batch: Sequence[Person], within: Bisection | None) -> Sequence[_Ahead]:
        """Send these people; returns the batches of those who go on."""
        known_as = self._known_as(step)
        async with self._care_for(known_as):
            answers = await self._answers(step, batch)
        if answers is None:
            return ()
        alike = [(people, answer, sort_of(answer)) for people, answer in alike_of(batch, answers)]
        results = self.step_results[known_as]
        yes_before = results.yes
        self._take_note(known_as, alike, within)
        split: list[Answered] = []
        onward: list[tuple[Person, str]] = []
        for people, answer, sort in alike:
            if answer.verdict is Verdict.PROCEED:
                onward += going_on(people, answer)
            elif answer.verdict is Verdict.SPLIT or self._may_be_one_persons(known_as, people, sort):
                split.append(Answered(people, answer, known_as, yes_before))
            elif within and within.keeps_failures and answer.reason is Reason.SERVER_ERROR:
                within.failing.append(Answered(people, answer, known_as, yes_before))
            elif not within and fails_again(people, answer):
                self._put_off.append((step, Answered(people, answer, known_as, yes_before)))
            elif within and len(people) == 1 and sort is Sort.BLAME:
                self._report_alone(Answered(people, answer, known_as, yes_before), within)
            else:
                self.report(Answered(people, answer, known_as, yes_before))
                if sort is Sort.REFUSAL:
                    self._count_refused(results, len(people))
        if split:
            await self._take_apart(step, split, within)
        if not onward:
            return ()
        # The same step in another form belongs to the same bisection.
        return [
            (next_step, members, within if self._known_as(next_step) == known_as else None)
            for next_step, members in self._batches(onward)
        ]

    def _known_as(self, step: str) -> str:
        return self.exchange.adapter.forms.get(step, step)

    async def _answers(self, step: str, batch: Sequence[Person]) -> list[Answer] | None:
        """One answer for each of the batch; None where nothing more is sent for now."""
        if self.halted or self.stopping():
            return None
        try:
            return await self.exchange.ask(Call(self.order, step), batch)
        except OurFaultError:
            return [_OUR_FAULT] * len(batch)
        except NotNowError as not_now:
            self.halted = True
            self.delay_s = max(self.delay_s, not_now.delay_s)
            return None

    def _care_for(self, step: str) -> AbstractAsyncContextManager[None]:
        """Limits the calls until the step is known to work: if it refuses everybody, few should meet that."""
        if step in self.well or self.step_results[step].yes:
            return _NO_LIMIT
        return self._care.setdefault(step, asyncio.Semaphore(AT_FIRST))

    def _take_note(
        self, step: str, alike: Sequence[tuple[Sequence[Person], Answer, Sort]], within: Bisection | None
    ) -> None:
        results = self.step_results[step]
        served = sum(len(people) for people, _, sort in alike if sort is Sort.YES)
        if served:
            results.note_yes(served)
            self._stop_being_careful(step)
            if within:
                within.served = True
            return
        failure = next((answer for _, answer, sort in alike if sort in (Sort.BLAME, Sort.TROUBLE)), None)
        if failure is None:
            return
        if within and sort_of(failure) is Sort.BLAME and failure.reason is not Reason.BAD_CREDENTIALS:
            return  # on the way to the people it is about, of whom there may be a few
        if within and within.keeps_failures and failure.reason is Reason.SERVER_ERROR:
            return  # the same, and rounds without anybody served end it
        results.failures += 1
        if failure.reason is Reason.BAD_CREDENTIALS or results.failures >= CALLS_TO_HALT:
            self.halted = True

    def _stop_being_careful(self, step: str) -> None:
        care = self._care.pop(step, None) if self._care else None
        if care:
            for _ in range(self.exchange.adapter.settings.concurrency):
                care.release()

    def _count_refused(self, results: StepResults, people: int) -> None:
        results.refused += people
        if results.says_enough(self.handful):
            self.halted = True

    def _may_be_one_persons(self, step: str, people: Sequence[Person], sort: Sort) -> bool:
        """Whether the batch's content may be the cause: others are served at this step."""
        if self.halted or len(people) == 1 or sort is not Sort.BLAME:
            return False
        return step in self.well or self.step_results[step].yes > 0

    async def _take_apart(self, step: str, split: Sequence[Answered], within: Bisection | None) -> None:
        people = [person for answered in split for person in answered.people]
        answer, known_as = split[0].answer, split[0].step
        if len(people) == 1:
            self._report_alone(Answered(people, _of_one(answer), known_as, split[0].yes_before), within)
        elif (
            answer.reason is Reason.OUR_FAULT
            and self._our_faults >= self.handful
            and not self.step_results[known_as].yes
        ):
            self.report(Answered(people, _of_one(answer), known_as))  # our program fails on everybody
        elif within:
            await self._ask_halves(step, people, within)
        else:
            await self._bisect(step, people)

    async def _bisect(self, step: str, people: Sequence[Person]) -> None:
        bisection = Bisection()
        try:
            known_as = self._known_as(step)
            if known_as in self.well or self.step_results[known_as].yes:
                await self._ask_halves(step, people, bisection)
            else:
                async with self._bisecting[known_as]:  # one call shows whether the vendor refuses everybody
                    await self._ask_halves(step, people, bisection)
        finally:
            for one in bisection.alone:
                self.report(one._replace(company_served=bisection.served))

    async def _isolate(self, step: str, failing: Answered) -> None:
        """Find the people at whom the server fails, unless it fails at everybody."""
        isolating = Isolating(failing)
        found = isolating.found
        if self.halted:
            self.report(failing)
            return
        for parts in isolating.rounds():
            for part in parts:
                await self._ask(step, part, found)
        for one in found.failing:
            self.report(one)
        for one in found.alone:
            self.report(one._replace(company_served=found.served))

    async def _ask_halves(self, step: str, people: Sequence[Person], bisection: Bisection) -> None:
        for half in halve(people):
            await self._ask(step, half, bisection)

    def _report_alone(self, one: Answered, within: Bisection | None) -> None:
        if within is None:
            self.report(one)
        else:
            within.alone.append(one)
        if one.answer.reason is Reason.OUR_FAULT:
            self._our_faults += 1
        elif not one.answer.certain and not (within and within.served):
            self._count_refused(self.step_results[one.step], 1)

    def _batches(self, people: Iterable[tuple[Person, str]]) -> Iterator[tuple[str, Sequence[Person]]]:
        for step, members in groupby(sorted(people, key=_STEP), key=_STEP):
            size = self.exchange.adapter.limits(Call(self.order, step)).people
            apart = by_carry if step in self._grouped_at else but_for_the_lone
            for together in apart(members):
                for span in cut(len(together), size):
                    yield step, together[span.first - 1 : span.last]

    @cached_property
    def _grouped_at(self) -> frozenset[str]:
        adapter = self.exchange.adapter
        return adapter.grouped_at if isinstance(adapter, GroupsByCarry) else frozenset()


_STEP = itemgetter(1)
_NO_LIMIT = nullcontext[None]()
_OUR_FAULT = Answer(Verdict.SPLIT, Reason.OUR_FAULT)


def _of_one(answer: Answer) -> Answer:
    """What the refusal of a batch of one person means."""
    if answer.verdict is not Verdict.SPLIT:
        return answer
    if answer.reason is Reason.OUR_FAULT:
        return Answer(Verdict.AMBIGUOUS, Reason.OUR_FAULT)
    reason = Reason.TOO_LARGE if answer.reason is Reason.TOO_LARGE else Reason.REJECTED
    return Answer(Verdict.USER, reason, certain=answer.certain)
