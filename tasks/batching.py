"""Which people share an HTTP request, and which share an answer."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence

from adapters.answer_rules import distinct
from adapters.contract import Answer, Person

Bound = Iterable[tuple[Person, str]]
"""People, each with their step."""


def but_for_the_lone(people: Bound) -> Iterator[list[Person]]:
    """Everybody in one batch, except those who are sent alone."""
    batch = []
    for person, _ in people:
        if person.alone:
            yield [person]
        else:
            batch.append(person)
    yield batch


def by_carry(people: Bound) -> Iterator[list[Person]]:
    """Group people with the same carry."""
    sharing: defaultdict[Hashable, list[Person]] = defaultdict(list)
    for person, _ in people:
        sharing[person.carry].append(person)
    yield from sharing.values()


def alike_of(batch: Sequence[Person], answers: Sequence[Answer]) -> Iterator[tuple[Sequence[Person], Answer]]:
    """Group the people of a batch by their answer. There is one answer a person, in order."""
    if len(distinct(answers)) == 1:
        yield batch, answers[0]
        return
    sharing: dict[int, tuple[list[Person], Answer]] = {}
    for person, answer in zip(batch, answers, strict=True):
        sharing.setdefault(id(answer), ([], answer))[0].append(person)
    yield from sharing.values()


def going_on(people: Sequence[Person], answer: Answer) -> Iterator[tuple[Person, str]]:
    """Each of these people with the answer's next step and its carry."""
    carry, step = answer.carry, answer.step
    for person in people:
        yield (person if carry is person.carry else person._replace(carry=carry)), step
