"""Splits a batch to find the people whom its refusal, or the server's failure, is about."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from random import sample

from adapters.contract import Answer, Person, Verdict
from domain.chunking import cut, halve
from domain.outcomes import Reason
from tasks.evidence import Answered

FAILS_AGAIN = 2
"""When people have failed this often, the server may fail because of one of them."""
DRAWN = 3
"""Parts to try before anybody of the batch was served. Of four parts with bad people in two, one is served."""
MOST_PARTS = 10
"""How many parts of one batch at once may hold somebody at whom the server fails. The rest is tried next time."""
MOST_BARREN = 2
"""After so many rounds in a row in which nobody was served, the server is at fault."""


@dataclass
class Bisection:
    """One batch while it is split."""

    served: bool = False
    """Whether anybody of the batch was served."""
    alone: list[Answered] = field(default_factory=list)
    """Those who were refused alone."""
    keeps_failures: bool = False
    """Whether failing parts are kept here instead of being reported."""
    failing: list[Answered] = field(default_factory=list)


def fails_again(people: Sequence[Person], answer: Answer) -> bool:
    """Whether the server fails at these people repeatedly, and does not say that the failure will pass."""
    if answer.verdict is not Verdict.RETRY or answer.reason is not Reason.SERVER_ERROR or answer.retry_after_s:
        return False
    return len(people) > 1 and all(person.failed >= FAILS_AGAIN for person in people)


@dataclass
class Isolating:
    """Chooses the parts of a failing batch to try in each round. At first a few random ones, smaller the more often the
    batch has failed; once somebody is served, the halves of every part that fails."""

    batch: Answered
    found: Bisection = field(default_factory=lambda: Bisection(keeps_failures=True))
    _barren: int = 0

    def rounds(self) -> Iterator[Sequence[Sequence[Person]]]:
        """Yield the parts of each round. Between two rounds the caller puts the results into `found`. What is left in
        `found.failing` at the end is tried another time."""
        people = self.batch.people
        size = ceil(len(people) / 2 ** min(person.failed for person in people))
        parts = [people[span.first - 1 : span.last] for span in cut(len(people), size)]
        drawn = sample(range(len(parts)), k=min(DRAWN, len(parts)))
        unasked = [person for place, part in enumerate(parts) if place not in drawn for person in part]
        self._begin()
        yield [parts[place] for place in drawn]
        while self._goes_on(more=bool(unasked)):
            failing, self.found.failing = self.found.failing, []
            taken, later = failing[:MOST_PARTS], failing[MOST_PARTS:]
            self._begin()
            yield [*([unasked] if unasked else []), *(half for one in taken for half in halve(one.people))]
            self.found.failing += later
            unasked = []
        if unasked:
            self.found.failing.append(self.batch._replace(people=unasked))

    def _begin(self) -> None:
        self._ever, self.found.served = self.found.served, False

    def _goes_on(self, *, more: bool) -> bool:
        found = self.found
        self._barren = 0 if found.served else self._barren + 1
        found.served = found.served or self._ever
        found.alone += [one for one in found.failing if len(one.people) == 1]
        found.failing = [one for one in found.failing if len(one.people) > 1]
        return found.served and (more or bool(found.failing)) and self._barren < MOST_BARREN
