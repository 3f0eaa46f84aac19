"""Leading people through a vendor's steps: batched to its limits, bisected on a split, many requests in flight."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, NamedTuple

from adapters.contract import Answer, Call, NotNowError, Order, Person, Verdict
from adapters.exchange import Exchange
from domain.chunking import cut, halve
from domain.outcomes import Reason

ANSWERS_TO_HALT = 3
"""So many calls in a row that blame the vendor, or find it out of order, and nobody else is sent there for now."""


class Answered(NamedTuple):
    """A person and what became of them, for now or for good."""

    person: Person
    answer: Answer


@dataclass
class Conversation:
    """One chunk's talk with one vendor. Whoever is not among the answered when it ends was not sent, or not to the end;
    repeating any step is safe."""

    exchange: Exchange
    order: Order
    slots: AbstractAsyncContextManager[Any]
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
        async with asyncio.TaskGroup() as group:
            for step, batch in self._batches(people):
                group.create_task(self._walk(step, batch))

    async def _walk(self, step: str, batch: Sequence[Person]) -> None:
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
        answered = [Answered(person, answer) for person, answer in zip(batch, answers, strict=True)]
        self._take_note(answers)
        for one in answered:
            if one.answer.verdict not in (Verdict.SPLIT, Verdict.PROCEED):
                self.report(one)
        await self._bisect(step, [one for one in answered if one.answer.verdict is Verdict.SPLIT])
        onward = [
            (_carrying(person, answer.carry), answer.step)
            for person, answer in answered
            if answer.verdict is Verdict.PROCEED
        ]
        for next_step, members in self._batches(onward):
            await self._ask(next_step, members)

    async def _bisect(self, step: str, split: Sequence[Answered]) -> None:
        if len(split) == 1:
            person, answer = split[0]
            reason = Reason.TOO_LARGE if answer.reason is Reason.TOO_LARGE else Reason.REJECTED
            self.report(Answered(person, Answer(Verdict.USER, reason)))
        elif split:
            for half in halve([one.person for one in split]):
                await self._ask(step, half)

    def _batches(self, people: Iterable[tuple[Person, str]]) -> Iterator[tuple[str, list[Person]]]:
        for step, members in groupby(sorted(people, key=_step), key=_step):
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


OUT_OF_ORDER = frozenset({Reason.SERVER_ERROR, Reason.UNREACHABLE, Reason.ANSWER_LOST})
"""Failures that say nothing of the person; where there is nothing else, the vendor is likely down."""
_SERVED = frozenset({Verdict.APPLIED, Verdict.SEEN, Verdict.ABSENT, Verdict.PROCEED})


def _is_the_vendors(answer: Answer) -> bool:
    return answer.verdict is Verdict.VENDOR or answer.reason in OUT_OF_ORDER


def _carrying(person: Person, carry: Any) -> Person:
    return person if carry is person.carry else replace(person, carry=carry)


def _step(person_and_step: tuple[Person, str]) -> str:
    return person_and_step[1]
