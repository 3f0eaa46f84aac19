"""A conversation with an adapter in memory, as the engine does it, without a network."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from adapters.contract import (
    Adapter,
    Addressed,
    Answer,
    Call,
    Order,
    Person,
    ReadsAnything,
    UnreadableError,
    Verdict,
)
from adapters.triage import triage
from domain.outcomes import Reason
from domain.requests import Subject

NOW = datetime(2026, 11, 22, tzinfo=UTC)
Vendor = Callable[[Call, httpx.Request], httpx.Response]


@dataclass
class Turn:
    """One exchange of a conversation."""

    call: Call
    people: list[Person]
    request: httpx.Request
    response: httpx.Response
    answers: list[Answer]


def understand(adapter: Adapter, call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
    """What a response means for each person: first by the rules for all vendors, then by the adapter."""
    by_adapter = isinstance(adapter, ReadsAnything) and call.step in adapter.reads_anything_at
    told = triage(response, NOW, by_adapter=by_adapter)
    if told:
        return [told] * len(people)
    try:
        answers = adapter.classify(call, people, response)
    except UnreadableError:
        verdict = Verdict.AMBIGUOUS if response.is_success else Verdict.SPLIT
        return [Answer(verdict, Reason.UNREADABLE)] * len(people)
    assert len(answers) == len(people)
    return answers


def converse(
    adapter: Adapter,
    order: Order,
    subjects: Sequence[Subject],
    vendor: Vendor,
    *,
    tried: bool = False,
    interrupted: bool = False,
    waited_for: frozenset[Reason] = frozenset(),
    begin: str | None = None,
    carry: object = None,
) -> tuple[list[Answer], list[Turn]]:
    """Lead everybody to a final answer. `begin` replaces the first step (for a read-back, or with `carry` for a look at
    a job)."""
    final: dict[int, Answer] = {}
    waiting: list[tuple[str, Person]] = []
    for line, subject in enumerate(subjects, start=1):
        addressed = adapter.address(order, subject)
        if isinstance(addressed, Addressed):
            waiting.append(
                (begin or addressed.step, Person(line, subject, addressed.key, carry, tried, interrupted, waited_for))
            )
        else:
            final[line] = addressed
    turns: list[Turn] = []
    while waiting:
        call, people = _next_batch(adapter, order, waiting)
        request = adapter.build(call, people)
        response = vendor(call, request)
        answers = understand(adapter, call, people, response)
        turns.append(Turn(call, people, request, response, answers))
        assert len(turns) < 2_000, "the conversation does not end"
        waiting = [(step, person) for step, person in waiting if person not in people]
        for person, answer in zip(people, answers, strict=True):
            if answer.verdict is Verdict.PROCEED:
                waiting.append((answer.step, person._replace(carry=answer.carry)))
            else:
                final[person.line] = answer
    return [final[line] for line in sorted(final)], turns


def _next_batch(adapter: Adapter, order: Order, waiting: list[tuple[str, Person]]) -> tuple[Call, list[Person]]:
    step = waiting[0][0]
    call = Call(order, step)
    people = [person for its_step, person in waiting if its_step == step]
    return call, people[: adapter.limits(call).people]


def in_words(answer: Answer) -> str:
    """`verdict`, `verdict/reason`, with `?` where a witness is needed: how the recorded cases write an answer."""
    words = answer.verdict.value + (f"/{answer.reason.value}" if answer.reason else "")
    return words + ("?" if answer.needs_witness else "")


def lists_in(document: object) -> Iterator[list[object]]:
    """Every list inside a JSON document."""
    if isinstance(document, dict):
        for value in document.values():
            yield from lists_in(value)
    elif isinstance(document, list):
        yield document
        for value in document:
            yield from lists_in(value)


def person_of(adapter: Adapter, turn: Turn, line: int, subject: Subject) -> Person:
    """A different person in the place of the one in a turn."""
    addressed = adapter.address(turn.call.order, subject)
    assert isinstance(addressed, Addressed)
    return Person(line, subject, addressed.key, turn.people[0].carry)
