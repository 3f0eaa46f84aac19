"""Does a deed to a selection of requests, 500 in one transaction. Each transaction records the progress."""

import logging
from collections.abc import Callable, Sequence
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from domain.outcomes import Outcome, Reason
from ledger.accounts import audit
from ledger.accounts.audit import HERE, Entry, Origin
from ledger.accounts.persons import same_person_as
from ledger.delivery import cancelling, stop_again, successions
from ledger.delivery.vendors import all_vendors
from ledger.desk import attention, closing_by_hand, deeds, selected, selections
from ledger.desk.attention import Selection
from ledger.desk.selected import Batch, Extent, Meant
from ledger.desk.selections import Criteria, Deed, Done, Progress
from ledger.requests import closing
from ledger.session import Connection, Engine
from tasks.attend import UNREACHABLE_ARE_NOT_CLOSED
from tasks.provide import keeps_sessions
from tasks.submit import Wake

log = logging.getLogger(__name__)

__all__ = ["Criteria", "Deed", "Done", "Extent", "Order", "Progress", "UnusableOrderError"]


class UnusableOrderError(Exception):
    """This cannot be done to any selection. The message says what to change."""


class Order(NamedTuple):
    """What to do, to which requests, and why."""

    deed: Deed
    criteria: Criteria
    because: str | None = None

    def check(self) -> None:
        """Raises UnusableOrderError."""
        reason = self.criteria.reason
        if self.deed is Deed.CONFIRM and reason is not None:
            raise UnusableOrderError(
                "an unconfirmed request has no reasons, for nothing of it was tried: leave the reason out"
            )
        if self.deed is not Deed.RETRY and reason == Outcome.SUPERSEDED:
            raise UnusableOrderError(f"nothing is left to {self.deed} of what is superseded: only a retry takes it")
        if self.deed is Deed.CLOSE and reason == Reason.NO_IDENTIFIER:
            raise UnusableOrderError(UNREACHABLE_ARE_NOT_CLOSED)
        if self.deed is Deed.CLOSE and self.because is None:
            raise UnusableOrderError("say why they are closed: it is kept for good")


def extent(engine: Engine, order: Order, by: str) -> Extent:
    """The number of requests and deliveries that it would change. Changes nothing. Raises UnusableOrderError."""
    order.check()
    with engine.connect() as connection:
        vendor_id = _vendor_id(_names(connection), order.criteria.vendor)
        return selected.extent(connection, order.deed, order.criteria, vendor_id, by)


def begin(engine: Engine, order: Order, by: str, origin: Origin = HERE) -> Progress:
    """Record the deed, with its audit entry; `step` does the work. Raises UnusableOrderError."""
    order.check()
    with engine.begin() as connection:
        _vendor_id(_names(connection), order.criteria.vendor)
        deed = selections.begin(connection, order.deed, order.criteria, by, order.because)
        target = f"deed {deed.public_id}"
        entry = Entry(by, order.deed, allowed=True, target=target, because=_why(deed), **origin._asdict())
        audit.add(connection, [entry])
    return deed


def begin_and_work(
    engine: Engine, order: Order, by: str, wake: Wake, *, origin: Origin = HERE, within_s: float
) -> Progress:
    """Begin it, and work on it for so long; the workers do the rest. Raises UnusableOrderError."""
    began = monotonic()
    progress = begin(engine, order, by, origin)
    while progress.ended_at is None and monotonic() - began < within_s:
        progress = step(engine, progress.public_id, wake) or find(engine, progress.public_id) or progress
    return progress


def find(engine: Engine, public_id: UUID) -> Progress | None:
    """The progress of a deed; None where no deed has this id."""
    with engine.connect() as connection:
        return selections.find(connection, public_id)


def step(engine: Engine, public_id: UUID | None, wake: Wake) -> Progress | None:
    """Do the deed to the next requests, in one transaction; returns its progress. `public_id`: None for the oldest deed
    that nobody works on. None where there is nothing to do. Safe to run several at once, and after one was killed."""
    with engine.begin() as connection:
        deed = selections.take_up(connection, public_id)
        if deed is None:
            return None
        names = _names(connection)
        vendor_id = _vendor_id(names, deed.criteria.vendor)
        batch = selected.batch(connection, deed, vendor_id)
        done = _Work(connection, deed, names, vendor_id).do(batch)
        deed = selections.save(connection, deed, None if batch.last else batch.requests[-1].id, done.done)
    if done.woken:
        wake(done.woken)
    return deed


def stop(engine: Engine, public_id: UUID) -> None:
    """Stop a deed. What is done stays done, and beginning it again does the rest."""
    with engine.begin() as connection:
        selections.stop(connection, public_id)


def carry_on(engine: Engine, wake: Wake, enough: Callable[[], bool]) -> int:
    """Continue deeds that their callers have left, until `enough`; returns the number of steps."""
    steps = 0
    while not enough():
        deed = step(engine, None, wake)
        if deed is None:
            break
        steps += 1
        if deed.ended_at is not None:
            log.info("deed %s has ended: %s of %d requests", deed.public_id, deed.deed, deed.done.requests)
    return steps


class _Worked(NamedTuple):
    done: Done
    woken: Sequence[str] = ()
    """Vendors that have something to send now."""


class _Work:
    """One transaction of a deed."""

    def __init__(self, connection: Connection, deed: Progress, names: dict[int, str], vendor_id: int | None) -> None:
        self._connection, self._deed, self._names, self._vendor_id = connection, deed, names, vendor_id
        self._why = _why(deed)

    def do(self, batch: Batch) -> _Worked:
        """Do the deed to these requests."""
        if not batch.requests:
            return _Worked(Done())
        work = {
            Deed.RETRY: self._retry,
            Deed.CLOSE: self._close,
            Deed.CANCEL: self._cancel,
            Deed.CONFIRM: self._confirm,
        }
        return work[self._deed.deed](batch.requests)

    def _retry(self, meant: Sequence[Meant]) -> _Worked:
        keeps = [id_ for id_, name in self._names.items() if keeps_sessions(name)]
        which = Selection(self._vendor_id, self._deed.criteria.reason, keeps)
        again = attention.reopen_all(self._connection, _ids(meant), which)
        self._note(again.requests, None if self._vendor_id is None else [self._vendor_id] * len(again.requests))
        deliveries = {self._names[vendor_id]: count for vendor_id, count in again.deliveries.items()}
        done = Done(len(again.requests), deliveries, 0, again.without_session, again.unreachable)
        return _Worked(done, list(deliveries))

    def _close(self, meant: Sequence[Meant]) -> _Worked:
        connection, reason = self._connection, self._deed.criteria.reason
        closed = closing_by_hand.close_all_by_hand(connection, _ids(meant), self._vendor_id, reason)
        concerned = sorted({one.request_id for one in closed})
        successions.follow_up_each(connection, concerned, self._vendor_id)
        stop_again.after_giving_up(connection, concerned, self._vendor_id)
        self._note([one.request_id for one in closed], [one.vendor_id for one in closed])
        closing.judge_again(connection, *concerned)
        deliveries: dict[str, int] = {}
        for one in closed:
            name = self._names[one.vendor_id]
            deliveries[name] = deliveries.get(name, 0) + one.deliveries
        return _Worked(Done(len(concerned), deliveries))

    def _cancel(self, meant: Sequence[Meant]) -> _Worked:
        ids = _ids(meant)
        deeds.cancel_all(self._connection, ids, self._deed.by, self._why)
        deliveries = cancelling.cancel_each(self._connection, ids)
        stop_again.after_giving_up(self._connection, ids)
        cancelling.finish(self._connection, ids)
        return _Worked(Done(len(ids), {self._names[vendor_id]: count for vendor_id, count in deliveries.items()}))

    def _confirm(self, meant: Sequence[Meant]) -> _Worked:
        own: frozenset[str] = frozenset()
        if not self._deed.criteria.own:
            own = same_person_as(self._connection, self._deed.by, {one.submitted_by for one in meant})
        others = [one for one in meant if one.submitted_by not in own]
        if others:
            deeds.confirm_all(self._connection, _ids(others), self._deed.by, self._why)
        woken = sorted({self._names[vendor_id] for one in others for vendor_id in one.vendor_ids})
        return _Worked(Done(len(others), own=len(meant) - len(others)), woken)

    def _note(self, request_ids: Sequence[int], vendor_ids: Sequence[int] | None = None) -> None:
        if request_ids:
            by, deed = self._deed.by, self._deed.deed
            deeds.add_notes(self._connection, request_ids, by, deed, because=self._why, vendor_ids=vendor_ids)


def _ids(meant: Sequence[Meant]) -> list[int]:
    return [one.id for one in meant]


def _names(connection: Connection) -> dict[int, str]:
    return {vendor.id: vendor.name for vendor in all_vendors(connection)}


def _vendor_id(names: dict[int, str], vendor: str | None) -> int | None:
    if vendor is None:
        return None
    for id_, name in names.items():
        if name == vendor:
            return id_
    raise UnusableOrderError(
        f"unknown vendor; known are {', '.join(sorted(names.values())) or 'none until workers have started'}"
    )


def _why(deed: Progress) -> str:
    """The reason, as recorded with each request and in the audit log."""
    selection = f"selection: {deed.criteria.in_words()}"
    return f"{deed.because} ({selection})" if deed.because else selection
