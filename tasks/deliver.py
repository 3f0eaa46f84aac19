"""Delivering one chunk to its vendor: lease, open, drop superseded, address, converse, record, decide."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import random
from time import time
from typing import ClassVar

from adapters.contract import Addressed, Order, Person, ReadsBack
from domain.outcomes import Outcome, Reason
from ledger import cancelling, chunks, outcomes, vendors, wishes
from ledger.chunks import LeaseLostError, Purpose
from ledger.outcomes import Settled
from ledger.pending import OpenPerson, SealedPerson
from ledger.session import Connection
from tasks.converse import Answered, Conversation
from tasks.dispatch import dispatch
from tasks.judge import Judgement, ends, judge, settled
from tasks.run import BLAMED_DELAY_S, Run
from tasks.settle import settle
from tasks.toolbox import Toolbox
from tasks.verify import Verification

log = logging.getLogger(__name__)

SWITCHED_OFF_HERE_S = 30.0
OTHER_FIRST_S = 1.0
"""People with another delivery to the same vendor under way come back after this."""
WITNESS_AGE_S = 600.0
NEVER_WAITED: frozenset[Reason] = frozenset()
MOST_LOSSES = 50
"""So many workers in a row may vanish with a chunk before it is believed that the chunk is why."""


def deliver(chunk_id: int, tools: Toolbox) -> None:
    """Do what a chunk is for, and record it. A chunk that is not queued any more is left alone."""
    with tools.engine.begin() as connection:
        lease = chunks.lease(connection, chunk_id, lease_s=tools.lease_s, holder=tools.holder, masters=tools.masters)
        if lease is None:
            return
        line = tools.lines.get(lease.vendor)
        if line is None:
            chunks.put_back(connection, lease, delay_s=SWITCHED_OFF_HERE_S, setbacks=lease.setbacks)
            return
        run = (Delivery if lease.purpose is Purpose.DELIVER else Verification)(lease, line, tools)
        run.read(connection)
    try:
        _see_through(run)
    except LeaseLostError:
        log.warning("chunk %d is no longer ours", chunk_id)
    if run.cancelled:
        with tools.engine.begin() as connection:
            cancelling.cancel_rest(connection, lease.request_id)
    settle(tools, lease.request_id)
    dispatch(lease.vendor, tools)


def _see_through(run: "Delivery | Verification") -> None:
    try:
        run.run()
    finally:
        if not run.decided:
            run.give_up()


@dataclass
class Delivery(Run):
    """A run that delivers."""

    awaits: ClassVar[str] = "pending"
    _unsettled: list[Answered] = field(default_factory=list, repr=False)
    _moot: list[Settled] = field(default_factory=list, repr=False)
    _behind: bool = False
    _waited_for: Mapping[int, frozenset[Reason]] = field(default_factory=dict)

    def read(self, connection: Connection) -> None:
        """As in every run; and find out who has waited for someone before, where the vendor takes sessions."""
        super().read(connection)
        if self.lease.round > 1 and self.line.adapter.keeps_sessions:
            self._waited_for = outcomes.waited_for(connection, self.lease)

    def run(self) -> None:
        """Send what is pending and due, record answers as they come, then close the chunk or put it back.

        Raises LeaseLostError; OperationalError while the ledger is away; ledger.sealing.UnsealError.
        """
        due = self.open(self._drop_superseded(self._drop_deadly(self.due)))
        talk = self.talk(self.order())
        self.lead(talk, list(self._address(talk.order, due)))
        self._decide(talk)

    def record(self, connection: Connection) -> None:
        """Record whose delivery has ended; the others are judged when the run is over."""
        self._append(connection, self._take_endings())

    def exhaust(self, connection: Connection, lines: list[int]) -> None:
        """Settle people on whom our own program has failed too often."""
        self._append(connection, [self._exhausted(line, Reason.OUR_FAULT) for line in lines])

    def _exhausted(self, line: int, reason: Reason) -> Settled:
        return Settled((line,), Outcome.EXHAUSTED, reason, self.failed_before(line) + 1)

    def _drop_deadly(self, due: list[SealedPerson]) -> list[SealedPerson]:
        """Leave out everybody of a chunk with which worker after worker has vanished."""
        if self.lease.lost < MOST_LOSSES:
            return due
        self._moot += [self._exhausted(one.line, Reason.LEASE_LOST) for one in due]
        return []

    def _drop_superseded(self, due: list[SealedPerson]) -> list[SealedPerson]:
        """Leave out whom a newer wish makes moot, and for now those with another delivery to end first."""
        # Asked once our lease stands for all to see: of two runs that begin together one sees the other.
        with self.tools.engine.begin() as connection:
            others = wishes.overlap(connection, self.lease, [one.line for one in due])
        self._moot += [
            Settled((line,), Outcome.SUPERSEDED, None, self.failed_before(line)) for line in sorted(others.superseded)
        ]
        self._behind = bool(others.waiting)
        return [one for one in due if one.line not in others.superseded and one.line not in others.waiting]

    def _address(self, order: Order, due: list[OpenPerson]) -> Iterator[tuple[Person, str]]:
        """Those to be sent, each with their first step; the others are answered already."""
        tried, interrupted = self.lease.starts > 1, self.lease.lost > 0
        for number, subject in due:
            addressed = self.line.adapter.address(order, subject)
            if isinstance(addressed, Addressed):
                waited_for = self._waited_for.get(number, NEVER_WAITED)
                person = Person(number, subject, addressed.key, None, tried, interrupted, waited_for)
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
        outcomes.append(connection, self.lease, ended, used_sessions=self.line.adapter.keeps_sessions)
        self.pending.difference_update(*(group.lines for group in ended))

    def _decide(self, talk: Conversation) -> None:
        ended = self._take_endings()
        served = talk.served > 0
        witness = served or self._find_witness()
        with self.tools.engine.begin() as connection:
            chunks.renew(connection, self.lease, self.tools.lease_s)
            judgement = judge(
                self._unsettled,
                self.history,
                self.policy(),
                served=served,
                witness=witness,
                now=time(),
                jitter=random(),  # noqa: S311 - spreads load, keeps no secret
            )
            self._append(connection, ended + judgement.settled)
            self._close_or_put_back(connection, talk, judgement)
            if served:
                self.note_served(connection)
            elif judgement.strike is not None:
                self._strike(connection, judgement.strike)
        self.decided = True

    def _close_or_put_back(self, connection: Connection, talk: Conversation, judgement: Judgement) -> None:
        if self.pending:
            blamed_s = BLAMED_DELAY_S if judgement.strike else 0.0
            behind_s = OTHER_FIRST_S if self._behind else 0.0
            self.put_back(connection, judgement.setbacks, unsent_delay_s=max(talk.delay_s, blamed_s, behind_s))
            return
        chunks.close(connection, self.lease)
        if isinstance(self.line.adapter, ReadsBack):
            chunks.open_verification(connection, self.lease, self.tools.verify_after_s)

    def _find_witness(self) -> bool:
        """Whether the vendor is known to be well, where an answer is to be believed only then."""
        if not any(one.answer.needs_witness for one in self._unsettled):
            return False
        with self.tools.engine.begin() as connection:
            if vendors.lately_well(connection, self.lease.vendor_id, within_s=WITNESS_AGE_S):
                return True
        return self.tools.start(self.line.exchange.vouches()).result()

    def _strike(self, connection: Connection, reason: Reason) -> None:
        limit = 1 if reason is Reason.BAD_CREDENTIALS else self.tools.hold_after
        held = vendors.strike(
            connection, self.lease.vendor_id, reason, limit=limit, probe_after_s=self.tools.probe_after_s
        )
        if held:
            log.error("%s is held: %s", self.lease.vendor, reason.value)
