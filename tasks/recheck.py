"""Reads a sample of people back again, each week and at each vendor: who was erased may have come back."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar

from adapters.contract import Adapter, Order, ReadsBack
from domain.outcomes import Outcome, Reason
from domain.requests import Kind
from ledger.delivery import chunks, outcomes, rechecks
from ledger.delivery.outcomes import Settled
from ledger.requests import closing
from ledger.session import Engine
from ledger.turns import take_turn
from tasks.toolbox import Route
from tasks.verify import BEHIND_S, Reading, Verification

log = logging.getLogger(__name__)

WEEK_S = 7 * 86_400.0
WITHDRAWALS = (Kind.ERASURE, Kind.OPT_OUT)


def open_samples(engine: Engine, routes: Mapping[str, Route], people: int) -> dict[str, int]:
    """Open read-backs of about so many people at each vendor whose week is over; returns how many by vendor. One
    process does it, by PostgreSQL's clock."""
    if not people:
        return {}
    opened: dict[str, int] = {}
    for vendor, route in routes.items():
        kinds = [kind for kind in WITHDRAWALS if _reads_back(route.adapter, kind)]
        if not kinds:
            continue
        with engine.begin() as connection:
            if take_turn(connection, f"recheck {vendor}", WEEK_S) is not None:
                opened[vendor] = rechecks.open_sample(connection, vendor, kinds, people)
    return opened


def _reads_back(adapter: Adapter, kind: Kind) -> bool:
    return isinstance(adapter, ReadsBack) and bool(adapter.reading(Order(kind, adapter.options_model(), people=1)))


@dataclass
class Recheck(Verification):
    """A run that reads back who was verified. Nothing is sent again: that is decided by a person."""

    awaits: ClassVar[str] = "verified"

    def run(self) -> None:
        """Read back who is due, record who has come back, then close the chunk or put it back.

        Raises as Verification does.
        """
        due = self.open(self._drop_overtaken(self.due))  # who has opted in since has not come back
        order = self.order()
        talk = self.talk(order, self._step(order))
        addressed = list(self._address(talk.order, due))
        self.lead(talk, addressed)
        self.pending -= {one.line for one in due} - {person.line for person, _ in addressed}  # not known there now
        reading = self.reading()
        back = _back(reading)
        seen = {line for group in reading.settled for line in group.lines} | set(back)
        with self.tools.engine.begin() as connection:
            chunks.renew(connection, self.lease, self.tools.lease_s)
            if back:
                came_back = Settled(back, Outcome.NEEDS_ACTION, Reason.CAME_BACK, 1)
                outcomes.append(connection, self.lease, [came_back], used_sessions=False)
                self.tally.note_ended([came_back])
                closing.flag(connection, self.lease.request_id)
            rechecks.count(connection, self.lease, people=len(seen), back=len(back))
            self.pending.difference_update(reading.given_up, seen)
            self.put_back(connection, reading.setbacks, unsent_delay_s=max(talk.delay_s, BEHIND_S))
            self.note_served(connection, talk)
        self.decided = True
        self.tally.note_again(self.answers, self.pending)
        if back:
            log.warning("%s: %d of a sample who were verified have come back", self.lease.vendor, len(back))


def _back(reading: Reading) -> tuple[int, ...]:
    """The lines of the people whom the vendor shows again."""
    settled = (group.lines for group in reading.settled if group.outcome is not Outcome.VERIFIED)
    wrong = ([person.line for person in people] for people, _ in reading.wrong)
    return tuple(sorted(chain(*settled, *wrong)))
