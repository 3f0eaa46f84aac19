"""Delivering one chunk to its vendor: lease, open, address, converse, record, decide."""

import logging
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from random import random
from time import time

from pydantic_core import from_json

from adapters.contract import Addressed, Order, Person
from domain.outcomes import Reason
from domain.retry import RetryPolicy, Setback
from ledger import chunks, outcomes, people, vendors
from ledger.chunks import Lease, LeaseLostError
from ledger.outcomes import Settled
from ledger.people import OpenPerson
from ledger.session import Connection
from tasks.converse import Answered, Conversation
from tasks.dispatch import dispatch
from tasks.judge import Judgement, ends, judge, settled
from tasks.settle import settle
from tasks.toolbox import Line, Toolbox

log = logging.getLogger(__name__)

RECORD_EVERY_S = 1.0
SWITCHED_OFF_HERE_S = 30.0
BLAMED_DELAY_S = 2.0
"""People whose vendor seems out of order come back after this; the vendor's hold may keep them longer."""
WITNESS_AGE_S = 600.0


def deliver(chunk_id: int, tools: Toolbox) -> None:
    """Deliver what is pending of a chunk, and record it. A chunk that is not queued any more is left alone."""
    with tools.engine.begin() as connection:
        lease = chunks.lease(connection, chunk_id, lease_s=tools.lease_s, masters=tools.masters)
    if lease is None:
        return
    try:
        _deliver_leased(lease, tools)
    except LeaseLostError:
        log.warning("lost the lease of chunk %d; another worker has it", chunk_id)
    settle(tools, lease.request_id)
    dispatch(lease.vendor, tools)


def _deliver_leased(lease: Lease, tools: Toolbox) -> None:
    line = tools.lines.get(lease.vendor)
    if line is None:
        with tools.engine.begin() as connection:
            chunks.put_back(connection, lease, delay_s=SWITCHED_OFF_HERE_S, setbacks=lease.setbacks)
        return
    delivery = Delivery(lease, line, tools)
    try:
        delivery.run()
    finally:
        if not delivery.decided:
            delivery.give_up()


@dataclass
class Delivery:
    """One run of one leased chunk."""

    lease: Lease
    line: Line
    tools: Toolbox
    decided: bool = False
    _history: dict[int, Setback] = field(init=False, repr=False)
    _answers: deque[Answered] = field(default_factory=deque, repr=False)
    _unsettled: list[Answered] = field(default_factory=list, repr=False)
    _pending: set[int] = field(default_factory=set, repr=False)

    def __post_init__(self) -> None:
        self._history = {line: setback for setback in self.lease.setbacks for line in setback.lines}

    def run(self) -> None:
        """Send what is pending and due, record answers as they come, then close the chunk or put it back.

        Raises LeaseLostError; OperationalError while the ledger is away; ledger.sealing.UnsealError.
        """
        pending = self._open_pending()
        self._pending = {person.line for person in pending}
        talk = Conversation(
            self.line.exchange, self._order(), self.line.slots, self.tools.stopping, self._answers.append
        )
        onward = list(self._address(talk.order, self._due(pending)))
        running = self.tools.start(talk.lead(onward))
        try:
            self._record_until_done(running)
            running.result()
        finally:
            running.cancel()  # where the lease or the ledger was lost, nobody records what would still be sent
        self._decide(talk)

    def give_up(self) -> None:
        """Put the chunk back after a fault of our own; counted, so that it cannot go round for ever."""
        now = time()
        known = self._history
        setbacks = [
            Setback(known[line].attempts + 1 if line in known else 1, now, now + BLAMED_DELAY_S, (line,))
            for line in sorted(self._pending)
        ]
        with self.tools.engine.begin() as connection:
            chunks.put_back(connection, self.lease, delay_s=BLAMED_DELAY_S, setbacks=setbacks)

    def _open_pending(self) -> list[OpenPerson]:
        lease, adapter = self.lease, self.line.adapter
        with self.tools.engine.begin() as connection:
            return people.open_pending(
                connection,
                request_id=lease.request_id,
                vendor_id=lease.vendor_id,
                round_=lease.round,
                first_line=lease.first_line,
                last_line=lease.last_line,
                key=lease.key,
                session_vendor=lease.vendor if adapter.keeps_sessions else None,
            )

    def _due(self, pending: list[OpenPerson]) -> list[OpenPerson]:
        """Those not resting after a failure; who is due in a moment comes along."""
        soon = time() + RECORD_EVERY_S
        return [one for one in pending if one.line not in self._history or self._history[one.line].due <= soon]

    def _order(self) -> Order:
        options = from_json(self.lease.options).get(self.lease.vendor, {})
        return Order(self.lease.kind, self.line.adapter.options_model.model_validate(options))

    def _address(self, order: Order, due: list[OpenPerson]) -> Iterator[tuple[Person, str]]:
        """Those to be sent, each with their first step; the others are answered already."""
        tried = self.lease.starts > 1
        for number, subject in due:
            addressed = self.line.adapter.address(order, subject)
            if isinstance(addressed, Addressed):
                yield Person(number, subject, addressed.key, tried=tried), addressed.step
            else:
                self._answers.append(Answered(Person(number, subject, None), addressed))

    def _record_until_done(self, running: "Future[None]") -> None:
        """Record and prolong the lease about once a second, so that a crash forgets little."""
        while wait([running], timeout=RECORD_EVERY_S).not_done:
            ended = self._take_endings()
            with self.tools.engine.begin() as connection:
                chunks.renew(connection, self.lease, self.tools.lease_s)
                self._append(connection, ended)

    def _take_endings(self) -> list[Settled]:
        ended = []
        while self._answers:
            one = self._answers.popleft()
            if not ends(one):
                self._unsettled.append(one)
                continue
            before = self._history.get(one.person.line)
            ended.append(settled(one, before.attempts if before else 0))
        return ended

    def _append(self, connection: Connection, ended: list[Settled]) -> None:
        outcomes.append(connection, self.lease, ended, used_sessions=self.line.adapter.keeps_sessions)
        self._pending.difference_update(one.line for one in ended)

    def _decide(self, talk: Conversation) -> None:
        ended = self._take_endings()
        served = talk.served > 0
        witness = served or self._find_witness()
        with self.tools.engine.begin() as connection:
            chunks.renew(connection, self.lease, self.tools.lease_s)
            judgement = judge(
                self._unsettled,
                self._history,
                self._policy(),
                served=served,
                witness=witness,
                now=time(),
                jitter=random(),  # noqa: S311 - spreads load, keeps no secret
            )
            self._append(connection, ended + judgement.settled)
            self._close_or_put_back(connection, talk, judgement)
            if served:
                vendors.well_answered(connection, self.lease.vendor_id)
            elif judgement.strike is not None:
                self._strike(connection, judgement.strike)
        self.decided = True

    def _find_witness(self) -> bool:
        """Whether the vendor is known to be well, where an answer is to be believed only then."""
        if not any(one.answer.needs_witness for one in self._unsettled):
            return False
        with self.tools.engine.begin() as connection:
            if vendors.lately_well(connection, self.lease.vendor_id, within_s=WITNESS_AGE_S):
                return True
        return self.tools.start(self.line.exchange.vouches()).result()

    def _close_or_put_back(self, connection: Connection, talk: Conversation, judgement: Judgement) -> None:
        if not self._pending:
            chunks.close(connection, self.lease)
            return
        setbacks = [*judgement.setbacks, *self._still_resting(judgement)]
        now = time()
        resting = [setback for setback in setbacks if setback.due > now]
        waits = [setback.due - now for setback in resting]
        if self._pending.difference(*(setback.lines for setback in resting)):  # not sent, or the vendor is to blame
            waits.append(max(talk.delay_s, BLAMED_DELAY_S if judgement.strike else 0.0))
        chunks.put_back(connection, self.lease, delay_s=max(0.0, min(waits)), setbacks=setbacks)

    def _still_resting(self, judgement: Judgement) -> Iterator[Setback]:
        renewed = {line for setback in judgement.setbacks for line in setback.lines}
        for setback in self.lease.setbacks:
            lines = tuple(line for line in setback.lines if line in self._pending and line not in renewed)
            if lines:
                yield replace(setback, lines=lines)

    def _strike(self, connection: Connection, reason: Reason) -> None:
        limit = 1 if reason is Reason.BAD_CREDENTIALS else self.tools.hold_after
        held = vendors.strike(
            connection, self.lease.vendor_id, reason, limit=limit, probe_after_s=self.tools.probe_after_s
        )
        if held:
            log.error("%s is held: %s", self.lease.vendor, reason.value)

    def _policy(self) -> RetryPolicy:
        settings = self.line.adapter.settings
        return RetryPolicy(max_attempts=settings.max_attempts, max_age_s=settings.max_age_s)
