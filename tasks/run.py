"""What all runs of a leased chunk have in common: who is due, talking to the vendor, putting the chunk back."""

import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

from pydantic_core import from_json

from adapters.clock import monotonic
from adapters.contract import Order, Person
from adapters.rates import slowest_bucket
from adapters.sending import sending_until
from domain.accounts import meant_by
from domain.outcomes import Outcome
from domain.retry import Again, JobPolicy, RetryPolicy, Setback
from ledger import legal_holds
from ledger.delivery import chunks, steps, vendors
from ledger.delivery.chunks import Lease
from ledger.delivery.outcomes import Settled
from ledger.delivery.pending import OpenPerson, SealedPerson, open_people, pending
from ledger.session import Connection
from tasks.clock import LedgerClock
from tasks.converse import Conversation
from tasks.evidence import Answered
from tasks.tally import Tally
from tasks.toolbox import Route, Toolbox

log = logging.getLogger(__name__)

RECORD_EVERY_S = 1.0
OUR_FAULT_DELAY_S = 30.0
"""A chunk that could not even be opened is due again after this."""
LEAST_LEFT_S = 2.0
"""The least time between two renewals of a lease in which something may begin."""
LEASES_A_RUN = 10
"""A run sends nothing more after this many leases. The people left are queued again, in turn with others."""


class OverdueError(Exception):
    """A run has not ended although it sends nothing more. The result of its open calls is unknown."""


@dataclass
class Run(ABC):
    """One run of one leased chunk. `decided` is set once the chunk is closed or put back."""

    awaits: ClassVar[str]
    """The outcome that people have while they wait for a later round."""

    lease: Lease
    route: Route
    tools: Toolbox
    decided: bool = False
    cancelled: bool = False
    """Whether the request was cancelled during this run."""
    newly_held: bool = False
    """Whether a legal hold was made during this run that may be about its people: it stops, and begins anew."""
    history: dict[int, Setback] = field(init=False, repr=False)
    """The setback of each line that has one."""
    pending: set[int] = field(default_factory=set, repr=False)
    due: list[SealedPerson] = field(default_factory=list, repr=False)
    answers: deque[Answered] = field(default_factory=deque, repr=False)
    tally: Tally = field(default_factory=Tally, repr=False)
    began: float = field(default_factory=monotonic, repr=False)
    """When the lease was asked for, by our monotonic clock. It was given later, so it lasts longer than we count."""

    def __post_init__(self) -> None:
        self._renewed = self.began
        self.clock = LedgerClock(self.lease.leased_at, self.began)
        self.history = {line: setback for setback in self.lease.setbacks for line in setback.lines}

    def came_to(self) -> str:
        """What this run came to, in one line: counts and reasons."""
        return self.tally.line(len(self.pending), monotonic() - self.began)

    def give_up(self) -> None:
        """Put the chunk back after a fault of our own. Record what was answered first, and count an attempt for the
        others, so that nobody is retried for ever."""
        with self.tools.engine.begin() as connection:
            chunks.renew(connection, self.lease, self.tools.lease_s)
            self.record(connection)
            spent, setbacks = self._count_fault()
            self.exhaust(connection, spent)
            self.put_back(connection, setbacks, unsent_delay_s=OUR_FAULT_DELAY_S)

    def _count_fault(self) -> tuple[list[int], list[Setback]]:
        now = self.clock.now()
        spent: list[int] = []
        setbacks: list[Setback] = []
        for line in sorted(self.pending):
            before = self.history.get(line) or Setback(0, now, now, (line,))
            failed = replace(before, attempts=before.attempts + 1, lines=(line,))
            decision = self.policy().decide(attempts=failed.attempts, age_s=now - failed.since, jitter=1.0)
            if isinstance(decision, Again):
                setbacks.append(replace(failed, due=now + decision.delay_s))
            else:
                spent.append(line)
        return spent, setbacks

    @abstractmethod
    def exhaust(self, connection: Connection, lines: list[int]) -> None:
        """Settle people on whom our own program has failed too often."""

    def failed_before(self, line: int) -> int:
        """The number of failed attempts of this person so far."""
        before = self.history.get(line)
        return before.attempts if before else 0

    def read(self, connection: Connection) -> None:
        """Find everybody of the chunk who is pending, and those of them who are due and not resting after a failure.

        Include people due within a second, so that those who failed together are retried together.
        """
        found = pending(connection, self.lease, awaits=self.awaits, with_sessions=self.route.adapter.keeps_sessions)
        self.pending = {person.line for person in found}
        soon = self.clock.now() + RECORD_EVERY_S
        self.due = [one for one in found if one.line not in self.history or self.history[one.line].due <= soon]

    def open(self, chosen: Sequence[SealedPerson]) -> list[OpenPerson]:
        """Open these people. Raises ledger.sealing.UnsealError."""
        return open_people(self.lease, chosen)

    @property
    def waits_as(self) -> int:
        """The request in whose line this run waits for slots."""
        return self.lease.request_id

    def order(self) -> Order:
        """What the vendor is to do."""
        options = meant_by(self.lease.vendor, from_json(self.lease.options)) or {}
        return Order(self.lease.kind, self.route.adapter.options_model.model_validate(options), self.lease.people)

    def talk(self, order: Order, begin: str = "") -> Conversation:
        """A conversation with the vendor that reports to `answers`. `begin`: the first step."""
        bucket = slowest_bucket(self.route.adapter, order, begin) if begin else ""
        slots = self.route.slots_of(bucket).of(self.waits_as)
        well = [state.step for state in self.lease.steps.values() if state.well]
        return Conversation(
            self.route.exchange,
            order,
            slots,
            self._is_over,
            self.answers.append,
            handful=self.tools.hold_after,
            well=well,
        )

    def _is_over(self) -> bool:
        # A worker that was frozen may resume after its lease is over. It must send nothing more.
        now = monotonic()
        stale = now - self._renewed > self._left_s or now - self.began > self._longest_s
        return self.cancelled or self.newly_held or stale or self.tools.stopping()

    @cached_property
    def destroys(self) -> bool:
        """Whether this order destroys data of people at the vendor."""
        return self.route.adapter.card.destroys(self.lease.kind, self.route.adapter.settings)

    @property
    def may_withhold(self) -> bool:
        """Whether a legal hold may forbid this order for somebody."""
        return (self.lease.any_hold or self.newly_held) and self.destroys

    def withheld(self, connection: Connection, lines: Sequence[int]) -> list[Settled]:
        """Who of these people a legal hold keeps, one by one. To be recorded before the caller commits: until then
        these holds do not end, and what is recorded later might wait for one that has ended."""
        kept = legal_holds.keeping(connection, self.lease.request_id, lines)
        return [
            Settled((line,), Outcome.WITHHELD, hold.reason, self.failed_before(line), hold=hold.id)
            for line, hold in sorted(kept.items())
        ]

    @cached_property
    def _left_s(self) -> float:
        """How long after a renewal something may begin, so that it ends within the lease."""
        lease_s = self.tools.lease_s
        return max(lease_s - self.route.adapter.settings.timeout_s, min(LEAST_LEFT_S, lease_s / 2))

    @cached_property
    def _longest_s(self) -> float:
        return self.tools.lease_s * LEASES_A_RUN

    def vouches(self) -> bool:
        """Whether a harmless call succeeds. It is not made once the lease is over."""
        return self.tools.start(sending_until(self._is_over, self.route.exchange.vouches())).result()

    def lead(self, talk: Conversation, onward: Iterable[tuple[Person, str]]) -> None:
        """Lead people through their steps. About once a second, renew the lease and `record`.

        Raises LeaseLostError; OverdueError; OperationalError while the ledger is away.
        """
        people = list(onward)
        if monotonic() - self._renewed > RECORD_EVERY_S:  # comparing with very many other wishes takes time
            self._renew()
        running: Future[None] = self.tools.start(sending_until(self._is_over, talk.lead(people)))
        try:
            while wait([running], timeout=RECORD_EVERY_S).not_done:
                self._renew()
                if monotonic() - self.began > self._longest_s + self.tools.lease_s:
                    raise OverdueError
            running.result()
        finally:
            running.cancel()  # where the lease or the ledger is lost, nobody would record what is sent

    def _renew(self) -> None:
        asked = monotonic()  # before the call: this process may be frozen between the answer and the next line
        with self.tools.engine.begin() as connection:
            renewed = chunks.renew(connection, self.lease, self.tools.lease_s)
            self.cancelled = not renewed.stands
            self.newly_held = renewed.newly_held and self.destroys
            self.record(connection)
        self._renewed = asked

    @abstractmethod
    def record(self, connection: Connection) -> None:
        """Record the answers so far, so that a crash loses little."""

    def put_back(self, connection: Connection, renewed: list[Setback], *, unsent_delay_s: float) -> None:
        """Put the chunk back with everybody's setbacks, due when the first of the pending is.

        `unsent_delay_s`: when people without a setback are due.
        """
        setbacks = [*renewed, *self.still_resting(renewed)]
        now = self.clock.now()
        resting = [setback for setback in setbacks if setback.due > now]
        waits = [setback.due - now for setback in resting]
        unsent = self.pending.difference(*(setback.lines for setback in resting))
        if not waits or unsent:
            waits.append(unsent_delay_s)
        delay_s = max(0.0, min(waits))
        chunks.put_back(connection, self.lease, delay_s=delay_s, setbacks=setbacks, still_lost=bool(unsent))

    def still_resting(self, renewed: list[Setback]) -> Iterator[Setback]:
        done = {line for setback in renewed for line in setback.lines}
        for setback in self.lease.setbacks:
            lines = tuple(line for line in setback.lines if line in self.pending and line not in done)
            if lines:
                yield replace(setback, lines=lines)

    def policy(self) -> RetryPolicy:
        """The vendor's bounds."""
        settings = self.route.adapter.settings
        return RetryPolicy(settings.max_attempts, settings.max_age_s, jobs=JobPolicy(settings.max_wait_s))

    def note_served(self, connection: Connection, talk: Conversation, *, but: Collection[str] = ()) -> None:
        """The vendor served somebody in this run, at these steps except `but`."""
        served = {step for step, results in talk.step_results.items() if results.yes and step not in but}
        stale = [step for step in served if step not in self.lease.steps or not self.lease.steps[step].fresh]
        if stale or (served and monotonic() - self.began > RECORD_EVERY_S):
            steps.note_good(connection, self.lease.vendor_id, served)
        if served and self.lease.vendor_struck:
            vendors.well_answered(connection, self.lease.vendor_id)
        for step in served:
            if step in self.lease.steps and self.lease.steps[step].held:
                log.warning("%s is held at %s no longer", self.lease.vendor, step)
