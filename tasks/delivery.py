"""A run that delivers: drop superseded, open, address, send, record, decide."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import choice, random
from typing import ClassVar

from adapters.contract import Addressed, Order, Person, ReadsBack, Verdict
from domain.chunking import spread
from domain.outcomes import Outcome, Reason
from domain.retry import Setback
from ledger.delivery import chunks, outcomes, successions
from ledger.delivery.outcomes import Settled
from ledger.delivery.pending import OpenPerson, SealedPerson
from ledger.session import Connection
from tasks.converse import Conversation
from tasks.evidence import Answered
from tasks.holding import Holding
from tasks.judge import BLAMED_DELAY_S, Judgement, begun, ends, judge, settled
from tasks.looking import take_turn
from tasks.run import Run
from tasks.wishes import weigh

OTHER_FIRST_S = 1.0
"""Delay for people with another delivery to the same vendor under way. It varies, so that two who each see the other
under way do not collide again."""
NEVER_WAITED: frozenset[Reason] = frozenset()
MOST_LOSSES = 50
"""After so many workers in a row have vanished with a chunk, the chunk is taken for the cause."""


@dataclass
class Delivery(Run):
    """A run that delivers."""

    awaits: ClassVar[str] = "pending"
    _unsettled: list[Answered] = field(default_factory=list, repr=False)
    _moot: list[Settled] = field(default_factory=list, repr=False)
    _noted: int = 0
    """How many of the unsettled were already checked for jobs."""
    _jobs: dict[int, Setback] = field(default_factory=dict, repr=False)
    """By line, jobs that the vendor accepted in this run. Lines with the same job share one value."""
    _behind: bool = False
    _booked: list[Setback] = field(default_factory=list)
    """People whose lookups come later."""
    _hold: set[str] = field(default_factory=set)
    """The order's steps that are held."""
    _waited_for: Mapping[int, frozenset[Reason]] = field(default_factory=dict)

    def read(self, connection: Connection) -> None:
        """Read as in every run, and find out who waited for a person before, where the vendor takes sessions."""
        super().read(connection)
        if self.lease.round > 1 and self.route.adapter.keeps_sessions:
            self._waited_for = outcomes.waited_for(connection, self.lease)

    def run(self) -> None:
        """Send what is pending and due, record answers as they come, then close the chunk or put it back.

        Raises LeaseLostError; OperationalError while the ledger is away; ledger.sealing.UnsealError.
        """
        order = self.order()
        self._hold = {step for step in self.route.adapter.steps(order) if self._is_held(step)}
        wanted = self._drop_superseded(self._drop_withheld(self._drop_deadly(self.due)))
        due = self.open(self._let_through(wanted))
        turn = take_turn(self.route, self.tools.start, order, due, self.history, now=self.clock.now())
        self._booked = turn.later
        people = list(self._address(turn.order, turn.now))
        if self.route.adapter.call_people == 1:
            people = spread(people)
        talk = self.talk(turn.order, people[0][1] if people else "")
        self.lead(talk, people)
        self._decide(talk)

    def _is_held(self, step: str) -> bool:
        return step in self.lease.steps and self.lease.steps[step].held

    def _let_through(self, due: list[SealedPerson]) -> list[SealedPerson]:
        """Everybody, where no step is held. Otherwise one person where this chunk may try a held step, else nobody."""
        if not self._hold:
            return due
        if not due or any(self.lease.steps[step].scout != self.lease.chunk_id for step in self._hold):
            return []
        fewest = min(self._refusals(one.line) for one in due)
        return [choice([one for one in due if self._refusals(one.line) == fewest])]  # noqa: S311 - keeps no secret

    def _refusals(self, line: int) -> int:
        before = self.history.get(line)
        return before.refusals + bool(before.doubted) if before else 0

    def record(self, connection: Connection) -> None:
        """Record deliveries that have ended, and jobs. The others are judged at the end of the run."""
        self._append(connection, self._take_endings())
        self._keep_jobs(connection)

    def _keep_jobs(self, connection: Connection) -> None:
        """Record new jobs at once: after a crash the vendor must be asked about them, not sent them again."""
        now = self.clock.now()
        told = [one for one in self._unsettled[self._noted :] if one.answer.verdict is Verdict.WAITING]
        self._noted = len(self._unsettled)
        for one in told:
            for person in one.people:
                before = self.history.get(person.line) or Setback(0, now, now, ())
                job = begun(one.answer, before.job, now)
                self._jobs[person.line] = replace(before, due=now, lines=(), job=job)
        if told:
            self.history |= self._jobs
            jobs = _together(self._jobs)
            chunks.keep_setbacks(connection, self.lease, [*jobs, *self.still_resting(jobs)])

    def exhaust(self, connection: Connection, lines: list[int]) -> None:
        """Settle people on whom our own program has failed too often."""
        self._append(connection, [self._exhausted(line, Reason.OUR_FAULT) for line in lines])

    def _exhausted(self, line: int, reason: Reason) -> Settled:
        return Settled((line,), Outcome.EXHAUSTED, reason, self.failed_before(line) + 1)

    def _drop_deadly(self, due: list[SealedPerson]) -> list[SealedPerson]:
        """Leave out everybody of a chunk with which several workers in a row have vanished."""
        if self.lease.lost < MOST_LOSSES:
            return due
        self._moot += [self._exhausted(one.line, Reason.LEASE_LOST) for one in due]
        return []

    def _drop_withheld(self, due: list[SealedPerson]) -> list[SealedPerson]:
        """Leave out people whose data a legal hold keeps, where this order would destroy it. A newer wish makes theirs
        moot all the same. What the vendor has accepted and does later goes on: it cannot be taken back."""
        if not self.may_withhold:  # usually
            return due
        with self.tools.engine.begin() as connection:
            withheld = self.withheld(connection, [one.line for one in due if not self._has_job(one.line)])
            if not withheld:
                return due
            lines = [line for group in withheld for line in group.lines]
            moot = weigh(connection, self.lease, lines, self.route.adapter, self.tools.masters).superseded
            chunks.renew(connection, self.lease, self.tools.lease_s)
            self._append(connection, [group for group in withheld if moot.keys().isdisjoint(group.lines)])
        return [one for one in due if one.line in self.pending]

    def _has_job(self, line: int) -> bool:
        before = self.history.get(line)
        return before is not None and before.job is not None

    def _drop_superseded(self, due: list[SealedPerson]) -> list[SealedPerson]:
        """Leave out people whose wish is superseded and, for now, people with another delivery that must end first."""
        with self.tools.engine.begin() as connection:
            weighed = weigh(connection, self.lease, [one.line for one in due], self.route.adapter, self.tools.masters)
            # Recorded before anything is sent: the repeats must follow even if this worker dies.
            successions.repeat(connection, self.lease.vendor_id, weighed.repeat)
        self._moot += [
            Settled((line,), Outcome.SUPERSEDED, None, self.failed_before(line), by)
            for line, by in weighed.superseded.items()
        ]
        self._moot += [
            Settled((line,), Outcome.NEEDS_ACTION, reason, self.failed_before(line))
            for line, reason in weighed.ask.items()
        ]
        self._behind = bool(weighed.waiting)
        return weighed.sent(due)

    def _address(self, order: Order, due: list[OpenPerson]) -> Iterator[tuple[Person, str]]:
        """Those to send, each with their first step. The others are answered already."""
        interrupted = self.lease.lost > 0
        for number, subject in due:
            addressed = self.route.adapter.address(order, subject)
            if isinstance(addressed, Addressed):
                before = self.history.get(number)
                tried, alone = interrupted or before is not None, before is not None and before.doubted > 0
                waited_for = self._waited_for.get(number, NEVER_WAITED)
                failed = before.attempts if before else 0
                person = Person(number, subject, addressed.key, None, tried, interrupted, waited_for, alone, failed)
                job = before.job if before else None
                if job and job.step in self.route.adapter.steps(order):
                    yield person._replace(carry=job.carry, tried=True), job.step
                else:
                    yield person, addressed.step
            else:
                self.answers.append(Answered((Person(number, subject, None),), addressed))

    def _take_endings(self) -> list[Settled]:
        ended, self._moot = self._moot, []
        while self.answers:
            one = self.answers.popleft()
            if ends(one):
                ended += settled(one, self.history)
            else:
                self._unsettled.append(one)
        return ended

    def _append(self, connection: Connection, ended: list[Settled]) -> None:
        outcomes.append(connection, self.lease, ended, used_sessions=self.route.adapter.keeps_sessions)
        self.tally.note_ended(ended)
        self.pending.difference_update(*(group.lines for group in ended))

    def _decide(self, talk: Conversation) -> None:
        ended = self._take_endings()
        holding = Holding(self)
        known = holding.evidence(self._unsettled, talk)
        with self.tools.engine.begin() as connection:
            chunks.renew(connection, self.lease, self.tools.lease_s)
            judgement = judge(
                self._unsettled,
                self.history,
                self.policy(),
                steps=known,
                handful=self.tools.hold_after,
                now=self.clock.now(),
                jitter=random(),  # noqa: S311 - spreads load, keeps no secret
            )
            self._append(connection, ended + judgement.settled)
            self._close_or_put_back(connection, talk, judgement)
            self.note_served(connection, talk, but=judgement.strikes)
            newly_held = holding.strike(connection, judgement)
        self.decided = True
        self.tally.note_again(self._unsettled, self.pending)
        holding.tell(newly_held)

    def _close_or_put_back(self, connection: Connection, talk: Conversation, judgement: Judgement) -> None:
        if self.pending:
            stays_away = judgement.blamed or talk.halted or (self._hold and not talk.served)
            blamed_s = BLAMED_DELAY_S if stays_away else 0.0
            behind_s = OTHER_FIRST_S * (0.5 + random()) if self._behind else 0.0  # noqa: S311 - spreads load, keeps no secret
            setbacks = judgement.setbacks + self._booked
            self.put_back(connection, setbacks, unsent_delay_s=max(talk.delay_s, blamed_s, behind_s))
            return
        chunks.close(connection, self.lease)
        adapter = self.route.adapter
        if isinstance(adapter, ReadsBack) and adapter.reading(talk.order):
            chunks.open_verification(connection, self.lease, self.tools.verify_after_s)


def _together(by_line: Mapping[int, Setback]) -> list[Setback]:
    """The setbacks with their lines. People with the same job share one."""
    sharing: defaultdict[Setback, list[int]] = defaultdict(list)
    for line, setback in by_line.items():
        sharing[setback].append(line)
    return [replace(setback, lines=tuple(lines)) for setback, lines in sharing.items()]
