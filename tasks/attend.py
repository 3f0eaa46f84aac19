"""Deeds on a request that is on record: retry, provide, close by hand, confirm, cancel, extend."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain.allowances import NONE, Allowances
from domain.deadlines import Deadlines, NotExtended, extend
from domain.outcomes import Reason
from domain.periods import Period
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.accounts.persons import are_one_person
from ledger.clock import now
from ledger.delivery import cancelling, stop_again, successions
from ledger.desk import attention, closing_by_hand, deeds, reports
from ledger.desk.attention import Reopened, Selection
from ledger.desk.deeds import LockedRequest
from ledger.desk.fresh_sessions import Given
from ledger.desk.status import PENDING, Status
from ledger.notices import opendsr
from ledger.requests import closing, forgetting
from ledger.sealing import MasterKeys
from ledger.session import Connection, Engine
from ledger.unsettled import ACCEPT
from tasks.provide import Provision, keeps_sessions
from tasks.submit import Wake

CLOSED = frozenset({"completed", "completed_with_exceptions"})
ANY_STATUS = CLOSED | {"loading", "unconfirmed", "running", "cancelled"}
OPEN = CLOSED | {"running"}
"""A request in one of these statuses can be worked on further."""
UNREACHABLE_ARE_NOT_CLOSED = "who cannot be reached is not closed by hand: provide an identifier, or accept it"


class AttendError(Exception):
    """This cannot be done to the request, and nothing was changed. The message says why."""


class NoSuchRequestError(AttendError):
    """There is no request with this id."""

    def __init__(self) -> None:
        super().__init__("there is no request of this id")


class SamePersonError(AttendError):
    """The second person is the first one."""

    def __init__(self, public_id: UUID) -> None:
        self.public_id = public_id
        super().__init__(
            "the person who submitted a request may not confirm it, by any account: someone else must, or use --yes"
        )


@dataclass(frozen=True)
class Desk:
    """Where a person works on requests: the ledger, the person, and how to wake the workers."""

    engine: Engine
    by: str
    wake: Wake = field(repr=False)
    deadlines: Deadlines = field(default_factory=Deadlines)
    """What each regulation allows."""
    audits: bool = False
    """Each deed writes its entry in the audit log, in the same transaction. Otherwise the caller writes one."""

    @contextmanager
    def _locked(self, public_id: UUID, deed: str, among: frozenset[str]) -> Iterator[tuple[Connection, LockedRequest]]:
        with self.engine.begin() as connection:
            request = deeds.lock_request(connection, public_id)
            if request is None:
                raise NoSuchRequestError
            if request.status not in among:
                raise AttendError(f"this request is {request.status}; there is nothing to {deed}")
            yield connection, request
            if self.audits:
                audit.add(connection, [Entry(self.by, deed, allowed=True, target=str(public_id))])

    def retry(self, public_id: UUID, vendor: str | None, reason: str | None) -> Reopened:
        """Send again what waits. Refused deliveries are included only where their reason is named. Raises
        AttendError."""
        with self._locked(public_id, "retry", OPEN) as (connection, request):
            _check_people(request)
            vendor_id = _vendor_id(request, vendor) if vendor else None
            keeps = [id_ for name, id_ in request.vendors.items() if keeps_sessions(name)]
            again = attention.reopen(connection, request, Selection(vendor_id, reason, keeps))
            if again.deliveries:
                deeds.add_note(connection, request.id, self.by, "retry", because=reason, vendor_id=vendor_id)
        self.wake(list(again.deliveries))
        return again

    def close(
        self, public_id: UUID, vendor: str, reason: str | None, because: str, lines: Sequence[int] | None = None
    ) -> int:
        """Settle by hand what waits at a vendor, of these lines or of all; returns the number of deliveries. Under the
        reason `manual` it was done. Unreachable people are not included: a request that leaves somebody out is not
        completed. Raises AttendError."""
        if reason == Reason.NO_IDENTIFIER:
            raise AttendError(UNREACHABLE_ARE_NOT_CLOSED)
        with self._locked(public_id, "close", OPEN) as (connection, request):
            vendor_id = _vendor_id(request, vendor)
            closed = closing_by_hand.close_by_hand(connection, request, vendor_id, reason, lines)
            if closed:
                successions.follow_up(connection, request.id, vendor_id)
                stop_again.after_giving_up(connection, [request.id], vendor_id)
                deeds.add_note(connection, request.id, self.by, "close", because=because, vendor_id=vendor_id)
                closing.judge_again(connection, request.id)
        return closed

    def accept(self, public_id: UUID, vendor: str | None, because: str) -> int:
        """Accept that people cannot be found, at one vendor or at all of the request; returns the number of deliveries.
        They stay unreachable and no longer need attention. Raises AttendError."""
        with self._locked(public_id, "accept", OPEN) as (connection, request):
            vendor_id = _vendor_id(request, vendor) if vendor else None
            accepted = attention.unreachable(connection, request, vendor_id)
            if not accepted:
                raise AttendError("nobody of this request is unreachable there, or it is accepted already")
            deeds.add_note(connection, request.id, self.by, ACCEPT, because=because, vendor_id=vendor_id)
            if request.status in CLOSED and not attention.unreachable(connection, request, None):
                opendsr.tell_completed(connection, request.id)
        return accepted

    def provide(
        self, public_id: UUID, people: Iterable[Given], masters: MasterKeys, allowed: Allowances = NONE
    ) -> dict[str, int]:
        """Give waiting people a fresh session or an identifier, and send their deliveries again; returns how many, by
        vendor.

        All of it or nothing. Raises AttendError, whatever `people` raises, ledger.sealing.UnsealError.
        """
        with self._locked(public_id, "provide", OPEN) as (connection, request):
            _check_people(request)
            provision = Provision(connection, request, masters)
            again = provision.take(people)
            if provision.faulty:
                more = provision.faulty - len(provision.faults)
                told = [*provision.faults, *([f"and {more:,} more"] if more else []), "nothing was changed"]
                raise AttendError("\n".join(told))
            said = f"allowed as identifiers: {allowed.summary()}" if allowed else None
            for vendor in again:
                vendor_id = request.vendors[vendor]
                deeds.add_note(connection, request.id, self.by, "provide", because=said, vendor_id=vendor_id)
        self.wake(list(again))
        return again

    def confirm(self, public_id: UUID, *, own: bool) -> None:
        """Let an unconfirmed request run; one's own only with `own`. Raises AttendError."""
        with self._locked(public_id, "confirm", frozenset({"unconfirmed"})) as (connection, request):
            if not own and are_one_person(connection, request.submitted_by, self.by):
                raise SamePersonError(public_id)
            deeds.confirm(connection, request, self.by)
        self.wake(list(request.vendors))

    def cancel(self, public_id: UUID, *, untouched: bool = False) -> "Cancelled":
        """Cancel what was not sent; with `untouched`, only where no worker has begun with the request. Cancelling twice
        changes nothing. Raises AttendError."""
        with self._locked(public_id, "cancel", frozenset({"unconfirmed", "running", "cancelled"})) as (conn, request):
            if request.status != "cancelled":
                if untouched and cancelling.has_begun(conn, request.id):
                    raise AttendError("this request has begun; it cannot be cancelled as a whole any more")
                deeds.cancel(conn, request, self.by)
            cancelling.cancel_rest(conn, request.id)
            stop_again.after_giving_up(conn, [request.id])
            status = reports.status_of(conn, public_id)
            assert status is not None  # noqa: S101 - it is locked
        return Cancelled.of(status)

    def forget(self, public_id: UUID, because: str, masters: MasterKeys) -> datetime | None:
        """Forget the people of a request that has ended; returns when. Twice changes nothing: then it is when that was
        done, None where an earlier version did it. Raises AttendError."""
        with self._locked(public_id, "forget", ANY_STATUS) as (connection, request):
            if request.forgotten:
                return request.forgotten_at
            if (why := forgetting.obstacle(connection, request)) is not None:
                raise AttendError(f"the people of this request cannot be forgotten now: {why}")
            return forgetting.forget(connection, request, self.by, because, masters)

    def extend(self, public_id: UUID, by: Period, because: str) -> datetime:
        """Extend a request to this long after its original date; returns the new due date. Raises AttendError.

        Repeating it changes nothing, so it is safe when an answer was lost.
        """
        unfinished = frozenset({"unconfirmed", "running", "completed_with_exceptions"})
        with self._locked(public_id, "extend", unfinished) as (connection, request):
            term = self.deadlines.term(request.regulation, request.kind)
            at = now(connection)
            extended = extend(term, by, due_at=request.due_at, extended_from=request.extended_from, now=at)
            if isinstance(extended, NotExtended):
                raise AttendError(
                    _WHY_NOT[extended].format(regulation=request.regulation, term=term, due=request.due_at)
                )
            if extended != request.due_at:
                deeds.extend(connection, request, extended, self.by, because)
        return extended


_WHY_NOT = {
    NotExtended.NOT_ALLOWED: "{regulation} allows no extension for a request of this kind",
    NotExtended.TOO_LONG: "{regulation} allows an extension of {term.extension} in all, no more",
    NotExtended.TOO_LATE: "too late: people must be told of an extension before the original due date",
    NotExtended.SHORTER: "it is extended by more already: it is due {due:%Y-%m-%d}",
}


@dataclass(frozen=True)
class Cancelled:
    """Counts of a cancelled request's deliveries: ended before, never sent, and under way now."""

    done: int
    cancelled: int
    under_way: int

    @classmethod
    def of(cls, status: Status) -> "Cancelled":
        """Read from the tallies of a request."""
        cancelled = sum(counts.get("cancelled", 0) for counts in status.vendors.values())
        under_way = sum(counts[PENDING] for counts in status.vendors.values())
        return cls(status.subjects * len(status.vendors) - cancelled - under_way, cancelled, under_way)


def _vendor_id(request: LockedRequest, vendor: str) -> int:
    if vendor not in request.vendors:
        raise AttendError(f"this request does not go to such a vendor; it goes to {', '.join(request.vendors)}")
    return request.vendors[vendor]


def _check_people(request: LockedRequest) -> None:
    if request.forgotten:
        since = f" since {request.forgotten_at:%Y-%m-%d}" if request.forgotten_at else ""
        raise AttendError(f"the people of this request are forgotten{since}; submit a new one")
