"""Reads back what a vendor accepted: what is in effect is verified, what is not is delivered again, a few times."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from random import random
from typing import ClassVar, NamedTuple

from adapters.contract import Addressed, Order, Person, ReadsBack, Verdict
from domain.outcomes import Outcome, Reason
from domain.retry import Again, Job, RetryPolicy, Setback
from ledger.delivery import chunks, outcomes
from ledger.delivery.outcomes import Settled
from ledger.delivery.pending import OpenPerson, SealedPerson
from ledger.requests import closing
from ledger.session import Connection
from tasks.consequences import Past
from tasks.evidence import Answered
from tasks.judge import begun, by_past
from tasks.run import Run
from tasks.wishes import weigh

REDELIVERIES = 3
"""How often a delivery is repeated whose effect cannot be seen, before a person has to look."""


class Wrong(NamedTuple):
    """People with this past whose effect was not seen."""

    people: list[Person]
    past: Past


@dataclass(frozen=True)
class Reading:
    """The result of a read-back."""

    settled: list[Settled]
    wrong: list[Wrong]  # to deliver again now
    setbacks: list[Setback]  # to read again later
    given_up: frozenset[int]  # cannot be read: these stay accepted


def read(
    answers: Sequence[Answered],
    failed_before: dict[int, Setback],
    policy: RetryPolicy,
    *,
    now: float,
    jitter: float,
) -> Reading:
    """Decide about each person who was read back. `failed_before`: the setback of each line that has one.

    Failed reads and redeliveries are counted apart: a vendor that could not be read for a while is no reason to give
    up.
    """
    settled: list[Settled] = []
    wrong: list[Wrong] = []
    setbacks: list[Setback] = []
    given_up: set[int] = set()
    for one in answers:
        people, answer = one.people, one.answer
        for past, lines in by_past(people, failed_before).items():
            attempts, since = past.attempts + 1, now if past.since is None else past.since
            told = past.redelivered + attempts
            match answer.verdict:
                case Verdict.APPLIED | Verdict.ABSENT:
                    settled.append(Settled(lines, Outcome.VERIFIED, answer.reason, told))
                case Verdict.USER if answer.reason is Reason.NOT_IN_EFFECT and past.job:
                    pause = policy.jobs.decide(waited_s=now - past.job.since, jitter=jitter)
                    if isinstance(pause, Again):  # the vendor accepted it again: nothing is sent again
                        setbacks.append(_later(past, past.attempts, since, now + pause.delay_s, lines))
                    else:
                        settled.append(Settled(lines, Outcome.NEEDS_ACTION, Reason.NOT_IN_EFFECT, told))
                case Verdict.USER if answer.reason is Reason.NOT_IN_EFFECT and (
                    past.redelivered >= REDELIVERIES or now - since >= policy.max_age_s
                ):
                    settled.append(Settled(lines, Outcome.NEEDS_ACTION, Reason.NOT_IN_EFFECT, told))
                case Verdict.USER if answer.reason is Reason.NOT_IN_EFFECT:
                    among = set(lines)
                    wrong.append(Wrong([person for person in people if person.line in among], past))
                case Verdict.RETRY | Verdict.AMBIGUOUS | Verdict.VENDOR:
                    decision = policy.decide(
                        attempts=attempts, age_s=now - since, jitter=jitter, retry_after_s=answer.retry_after_s
                    )
                    if isinstance(decision, Again):
                        setbacks.append(_later(past, attempts, since, now + decision.delay_s, lines))
                    else:
                        given_up.update(lines)
                case _:
                    given_up.update(lines)
    return Reading(settled, wrong, setbacks, frozenset(given_up))


def _later(past: Past, attempts: int, since: float, due: float, lines: Sequence[int]) -> Setback:
    return Setback(attempts, since, due, tuple(lines), job=past.job, redelivered=past.redelivered)


def read_again(wrong: Sequence[Wrong], asked: Collection[int], *, now: float, again_after_s: float) -> list[Setback]:
    """When to read people again who were delivered again. `asked`: lines of those for whom the vendor was asked; their
    failed reads are counted anew. For the others nothing is counted."""
    due = now + again_after_s
    setbacks: list[Setback] = []
    for people, past in wrong:
        turned = tuple(person.line for person in people if person.line in asked)
        waiting = tuple(person.line for person in people if person.line not in asked)
        if turned:
            setbacks.append(Setback(0, now, due, turned, redelivered=past.redelivered + 1))
        if waiting:
            setbacks.append(_later(past, past.attempts, now if past.since is None else past.since, due, waiting))
    return setbacks


@dataclass
class Verification(Run):
    """A run that reads back. Who cannot be read stays accepted."""

    awaits: ClassVar[str] = "accepted"

    @property
    def waits_as(self) -> int:
        """In a line of its own, which takes turns with the deliveries of the same request. A chunk is delivered in few
        calls, but reading it back may take one for each person."""
        return -self.lease.request_id

    def run(self) -> None:
        """Read back who is due, deliver again what is not in effect, then close the chunk or put it back.

        Raises LeaseLostError; OperationalError while the ledger is away; ledger.sealing.UnsealError.
        """
        due = self.open(self._drop_overtaken(self.due))
        order = self.order()
        talk = self.talk(order, self._step(order))
        self.lead(talk, self._address(talk.order, due))
        reading = self.reading()
        read_back = len(self.answers)
        reading = replace(reading, wrong=self._drop_withheld(reading.wrong))
        self._deliver_again(talk.order, [person for people, _ in reading.wrong for person in people])
        answers = list(islice(self.answers, read_back, None))
        asked = {person.line for one in answers for person in one.people}
        again = read_again(reading.wrong, asked, now=self.clock.now(), again_after_s=self.tools.verify_after_s)
        with self.tools.engine.begin() as connection:
            chunks.renew(connection, self.lease, self.tools.lease_s)
            outcomes.append(connection, self.lease, reading.settled, used_sessions=False)
            self.tally.note_ended(reading.settled)
            closing.flag(connection, self.lease.request_id)  # at once: a worker may die before it settles
            self.pending.difference_update(reading.given_up, *(group.lines for group in reading.settled))
            setbacks = [*reading.setbacks, *_with_jobs(again, _taken(answers, self.clock.now()))]
            self.put_back(connection, setbacks, unsent_delay_s=max(talk.delay_s, BEHIND_S))
            self.note_served(connection, talk)
        self.decided = True
        self.tally.note_again(islice(self.answers, read_back), self.pending)

    def reading(self) -> Reading:
        """What the answers so far say."""
        return read(
            self.answers,
            self.history,
            self.policy(),
            now=self.clock.now(),
            jitter=random(),  # noqa: S311 - spreads load, keeps no secret
        )

    def _drop_overtaken(self, due: list[SealedPerson]) -> list[SealedPerson]:
        """Leave out, for good, people for whom a newer wish has been delivered since and, for now, people with a
        delivery under way."""
        with self.tools.engine.begin() as connection:
            weighed = weigh(connection, self.lease, [one.line for one in due], self.route.adapter, self.tools.masters)
        self.pending -= weighed.overtaken
        return weighed.sent(due)

    def _drop_withheld(self, wrong: list[Wrong]) -> list[Wrong]:
        """Leave out people whose data a legal hold keeps: what is not in effect is not delivered to them again."""
        if not (wrong and self.may_withhold):  # usually
            return wrong
        with self.tools.engine.begin() as connection:
            withheld = self.withheld(connection, [person.line for people, _ in wrong for person in people])
            chunks.renew(connection, self.lease, self.tools.lease_s)
            outcomes.append(connection, self.lease, withheld, used_sessions=False)
        self.tally.note_ended(withheld)
        self.pending.difference_update(*(group.lines for group in withheld))
        return [Wrong([person for person in people if person.line in self.pending], past) for people, past in wrong]

    def record(self, connection: Connection) -> None:
        """Records nothing: what was read is judged at the end of the run."""

    def exhaust(self, connection: Connection, lines: list[int]) -> None:
        """Who cannot be read stays accepted."""
        self.pending.difference_update(lines)

    def put_back(self, connection: Connection, renewed: list[Setback], *, unsent_delay_s: float) -> None:
        """As every run does, where anybody is still to be read; else close the chunk."""
        if self.pending:
            super().put_back(connection, renewed, unsent_delay_s=unsent_delay_s)
        else:
            chunks.close(connection, self.lease)

    def _address(self, order: Order, due: Sequence[OpenPerson]) -> Iterator[tuple[Person, str]]:
        step = self._step(order)
        if not step:
            self.pending.clear()  # the settings have changed since: these stay accepted
            return
        for number, subject in due:
            addressed = self.route.adapter.address(order, subject)
            if isinstance(addressed, Addressed):
                yield Person(number, subject, addressed.key, tried=True), step

    def _deliver_again(self, order: Order, wrong: Sequence[Person]) -> None:
        # These answers do not count, except a job: the next read-back tells.
        again = []
        for person in wrong:
            addressed = self.route.adapter.address(order, person.subject)
            if isinstance(addressed, Addressed):
                again.append((Person(person.line, person.subject, addressed.key, tried=True), addressed.step))
        self.lead(self.talk(order, again[0][1] if again else ""), again)

    def _step(self, order: Order) -> str:
        adapter = self.route.adapter
        assert isinstance(adapter, ReadsBack)  # noqa: S101 - others get no such chunk
        return adapter.reading(order)


def _taken(answers: Sequence[Answered], now: float) -> dict[int, Job]:
    """By line, the jobs that the vendor has accepted."""
    return {
        person.line: begun(one.answer, None, now)
        for one in answers
        if one.answer.verdict is Verdict.WAITING
        for person in one.people
    }


def _with_jobs(setbacks: Sequence[Setback], jobs: Mapping[int, Job]) -> list[Setback]:
    """The setbacks, split into people with a job and without."""
    apart = [replace(one, lines=(line,), job=jobs[line]) for one in setbacks for line in one.lines if line in jobs]
    rest = [replace(one, lines=tuple(line for line in one.lines if line not in jobs)) for one in setbacks]
    return [*apart, *(one for one in rest if one.lines)]


BEHIND_S = 5.0
"""Delay for people who were not read this time."""
