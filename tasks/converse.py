"""Leading people through a vendor's steps: batched to its limits, bisected on a split, many requests in flight."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from adapters.contract import Answer, Call, NotNowError, Order, Person, Verdict
from adapters.exchange import Exchange
from domain.chunking import cut, halve
from domain.outcomes import Reason

ANSWERS_TO_HALT = 3
"""So many calls in a row that blame the vendor, or find it out of order, and nobody else is sent there for now."""


class Answered(NamedTuple):
    """People with the same answer, for now or for good. A batch is nearly always answered as one, and stays one."""

    people: Sequence[Person]
    answer: Answer


@dataclass
class Conversation:
    """One chunk's talk with one vendor. Whoever is not among the answered when it ends was not sent, or not to the end;
    repeating any step is safe."""

    exchange: Exchange
    order: Order
    slots: AbstractAsyncContextManager[None]
    """Of the requests that this process may have in flight at this vendor, one that is ours while we are inside."""
    stopping: Callable[[], bool]
    report: Callable[[Answered], None]
    served: int = 0
    """Answers with which the vendor served somebody."""
    delay_s: float = 0.0
    """How long to stay away, where permits ran out."""
    _halted: bool = False
    _failures: int = 0

    async def lead(self, people: Iterable[tuple[Person, str]]) -> None:
        """Lead each person from the step given with them to an answer."""
        batches = list(self._batches(people))
        waiting = iter(batches)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(len(batches), self.exchange.adapter.settings.concurrency)):
                group.create_task(self._walk(waiting))

    async def _walk(self, waiting: Iterator[tuple[str, Sequence[Person]]]) -> None:
        for step, batch in waiting:
            # A batch keeps its place until it is through all steps: what is begun is ended before more is begun.
            async with self.slots:
                await self._ask(step, batch)

    async def _ask(self, step: str, batch: Sequence[Person]) -> None:
        if self._halted or self.stopping():
            return
        try:
            answers = await self.exchange.ask(Call(self.order, step), batch)
        except NotNowError as not_now:
            self._halted = True
            self.delay_s = max(self.delay_s, not_now.delay_s)
            return
        self._take_note(answers)
        split: list[Answered] = []
        onward: list[tuple[Person, str]] = []
        for answered in _alike(batch, answers):
            match answered.answer.verdict:
                case Verdict.SPLIT:
                    split.append(answered)
                case Verdict.PROCEED:
                    onward += _going_on(answered)
                case _:
                    self.report(answered)
        if split:
            await self._bisect(step, split)
        if onward:
            for next_step, members in self._batches(onward):
                await self._ask(next_step, members)

    async def _bisect(self, step: str, split: Sequence[Answered]) -> None:
        people = [person for answered in split for person in answered.people]
        if len(people) == 1:
            reason = Reason.TOO_LARGE if split[0].answer.reason is Reason.TOO_LARGE else Reason.REJECTED
            self.report(Answered(people, Answer(Verdict.USER, reason)))
        else:
            for half in halve(people):
                await self._ask(step, half)

    def _batches(self, people: Iterable[tuple[Person, str]]) -> Iterator[tuple[str, Sequence[Person]]]:
        for step, members in groupby(sorted(people, key=_STEP), key=_STEP):
            batch = [person for person, _ in members]
            size = self.exchange.adapter.limits(Call(self.order, step)).people
            for span in cut(len(batch), size):
                yield step, batch[span.first - 1 : span.last]

    def _take_note(self, answers: Sequence[Answer]) -> None:
        if any(answer.verdict in _SERVED and not answer.needs_witness for answer in answers):
            self.served += 1
            self._failures = 0
            return
        failure = next((answer for answer in answers if _is_the_vendors(answer)), None)
        if failure is None:
            return
        self._failures += 1
        if failure.reason is Reason.BAD_CREDENTIALS or self._failures >= ANSWERS_TO_HALT:
            self._halted = True


OUT_OF_ORDER = frozenset({Reason.SERVER_ERROR, Reason.NO_CONNECTION, Reason.ANSWER_LOST})
"""Failures that say nothing of the person; where there is nothing else, the vendor is likely down."""
_SERVED = frozenset({Verdict.APPLIED, Verdict.SEEN, Verdict.ABSENT, Verdict.PROCEED})
_STEP = itemgetter(1)


def _alike(batch: Sequence[Person], answers: Sequence[Answer]) -> Iterator[Answered]:
    """Everybody of a batch by the answer they share; one answer a person, in order."""
    if answers.count(answers[0]) == len(answers):
        yield Answered(batch, answers[0])
        return
    sharing: dict[int, tuple[list[Person], Answer]] = {}
    for person, answer in zip(batch, answers, strict=True):
        sharing.setdefault(id(answer), ([], answer))[0].append(person)
    yield from (Answered(*alike) for alike in sharing.values())


def _going_on(answered: Answered) -> Iterator[tuple[Person, str]]:
    carry, step = answered.answer.carry, answered.answer.step
    for person in answered.people:
        yield (person if carry is person.carry else person._replace(carry=carry)), step


def _is_the_vendors(answer: Answer) -> bool:
    return answer.verdict is Verdict.VENDOR or answer.reason in OUT_OF_ORDER
