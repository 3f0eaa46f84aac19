"""What people do about a request that is on record: retry, provide, close by hand, confirm, cancel, extend."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID

from adapters.registry import ADAPTERS
from domain.deadlines import Deadlines, NotExtended, Period, extend
from ledger import attention, cancelling, notes, reports, requests, successions
from ledger.attention import Reopened, Selection
from ledger.fresh_sessions import Given, Waiting, data_key_of
from ledger.keys import fingerprinter
from ledger.notes import Standing
from ledger.people import Prints
from ledger.sealing import MasterKeys
from ledger.session import Connection, Engine
from tasks.submit import Wake
from tasks.toolbox import Toolbox

log = logging.getLogger(__name__)

OPEN = frozenset({"running", "completed", "completed_with_exceptions"})
"""A request in one of these can be worked on further."""
SESSION = "session_id"
"""The field by which every vendor that keeps sessions is given one."""
BATCH = 1_000
TOLD = 20


class AttendError(Exception):
    """This cannot be done to the request, and nothing was. The message says why."""


class NoSuchRequestError(AttendError):
    """There is no request of this id."""

    def __init__(self) -> None:
        super().__init__("there is no request of this id")


@dataclass(frozen=True)
class Desk:
    """Where a person works on requests: the ledger, who it is, and how the workers are woken."""

    engine: Engine
    by: str
    wake: Wake = field(repr=False)
    deadlines: Deadlines = field(default_factory=Deadlines)
    """What each regulation allows."""

    @contextmanager
    def _locked(self, public_id: UUID, deed: str, among: frozenset[str]) -> Iterator[tuple[Connection, Standing]]:
        with self.engine.begin() as connection:
            request = notes.lock_request(connection, public_id)
            if request is None:
                raise NoSuchRequestError
            if request.status not in among:
                raise AttendError(f"this request is {request.status}; there is nothing to {deed}")
            yield connection, request

    def retry(self, public_id: UUID, vendor: str | None, reason: str | None) -> Reopened:
        """Have what waits sent again. Refused deliveries only where their reason is named. Raises AttendError."""
        with self._locked(public_id, "retry", OPEN) as (connection, request):
            _check_people(request)
            vendor_id = _vendor_id(request, vendor) if vendor else None
            keeps = [id_ for name, id_ in request.vendors.items() if _keeps_sessions(name)]
            again = attention.reopen(connection, request, Selection(vendor_id, reason, keeps))
            if again.deliveries:
                notes.add_note(connection, request.id, self.by, "retry", because=reason, vendor_id=vendor_id)
        self.wake(list(again.deliveries))
        return again

    def close(self, public_id: UUID, vendor: str, reason: str | None, because: str) -> int:
        """Settle what waits at a vendor by hand; the number of deliveries. Raises AttendError."""
        with self._locked(public_id, "close", OPEN) as (connection, request):
            vendor_id = _vendor_id(request, vendor)
            closed = attention.close_by_hand(connection, request, vendor_id, reason)
            if closed:
                successions.follow_up(connection, request.id, vendor_id)
                notes.add_note(connection, request.id, self.by, "close", because=because, vendor_id=vendor_id)
                requests.judge_again(connection, request.id)
        return closed

    def provide(self, public_id: UUID, people: Iterable[Given], masters: MasterKeys) -> dict[str, int]:
        """Give people who wait a fresh session, and have their deliveries sent again; how many, by vendor.

        All of it or nothing. Raises AttendError, whatever `people` raises, ledger.sealing.UnsealError.
        """
        with self._locked(public_id, "provide", OPEN) as (connection, request):
            _check_people(request)
            again = _Provision(connection, request, masters).take(people)
            for vendor in again:
                notes.add_note(connection, request.id, self.by, "provide", vendor_id=request.vendors[vendor])
        self.wake(list(again))
        return again

    def confirm(self, public_id: UUID, *, own: bool) -> None:
        """Let an unconfirmed request run; one's own only with `own`. Raises AttendError."""
        with self._locked(public_id, "confirm", frozenset({"unconfirmed"})) as (connection, request):
            if request.submitted_by == self.by and not own:
                raise AttendError("whoever submitted a request may not confirm it: someone else must, or use --yes")
            notes.confirm(connection, request, self.by)
        self.wake(list(request.vendors))

    def cancel(self, public_id: UUID, *, untouched: bool = False) -> "Cancelled":
        """Stop what was not sent; with `untouched`, only where no worker has taken up any of it. A request already
        cancelled stays so. Raises AttendError."""
        with self._locked(public_id, "cancel", frozenset({"unconfirmed", "running", "cancelled"})) as (conn, request):
            if request.status != "cancelled":
                if untouched and cancelling.has_begun(conn, request.id):
                    raise AttendError("this request has begun; it cannot be cancelled as a whole any more")
                notes.cancel(conn, request, self.by)
            cancelling.cancel_rest(conn, request.id)
            status = reports.status_of(conn, public_id)
            assert status is not None  # noqa: S101 - it is locked
        return Cancelled.of(status)

    def extend(self, public_id: UUID, by: Period, because: str) -> datetime:
        """Put off when a request is due, to so long after its original date; the new date. Raises AttendError.

        The same again adds nothing, so it may be repeated when an answer was lost.
        """
        unfinished = frozenset({"unconfirmed", "running", "completed_with_exceptions"})
        with self._locked(public_id, "extend", unfinished) as (connection, request):
            term = self.deadlines.term(request.regulation, request.kind)
            now = datetime.now(UTC)
            extended = extend(term, by, due_at=request.due_at, extended_from=request.extended_from, now=now)
            if isinstance(extended, NotExtended):
                raise AttendError(
                    _WHY_NOT[extended].format(regulation=request.regulation, term=term, due=request.due_at)
                )
            if extended != request.due_at:
                notes.extend(connection, request, extended, self.by, because)
        return extended


_WHY_NOT = {
    NotExtended.NOT_ALLOWED: "{regulation} allows no extension for a request of this kind",
    NotExtended.TOO_LONG: "{regulation} allows an extension of {term.extension} in all, no more",
    NotExtended.TOO_LATE: "too late: people must be told of an extension before the original due date",
    NotExtended.SHORTER: "it is extended by more already: it is due {due:%Y-%m-%d}",
}


@dataclass(frozen=True)
class Cancelled:
    """What a cancelled request came to: deliveries that had ended before, that never went, and under way just now."""

    done: int
    cancelled: int
    under_way: int

    @classmethod
    def of(cls, status: reports.Status) -> "Cancelled":
        """From the tallies of a request."""
        cancelled = sum(counts.get("cancelled", 0) for counts in status.vendors.values())
        under_way = sum(counts[reports.PENDING] for counts in status.vendors.values())
        return cls(status.subjects * len(status.vendors) - cancelled - under_way, cancelled, under_way)


@dataclass
class _Provision:
    """Fresh sessions on their way to people who wait for them."""

    connection: Connection
    request: Standing
    masters: MasterKeys
    _lines: dict[str, set[int]] = field(default_factory=dict)
    _faults: list[str] = field(default_factory=list)
    _total: int = 0

    def take(self, people: Iterable[Given]) -> dict[str, int]:
        waiting = self._waiting()
        rest = iter(people)
        while batch := list(islice(rest, BATCH)):
            self._take_batch(batch, waiting)
        if self._total:
            more = [f"and {self._total - len(self._faults):,} more"] if self._total > len(self._faults) else []
            raise AttendError("\n".join([*self._faults, *more, "nothing was changed"]))
        again: dict[str, int] = {}
        for vendor, lines in sorted(self._lines.items()):
            again |= attention.reopen_lines(self.connection, self.request, self.request.vendors[vendor], sorted(lines))
        return again

    def _waiting(self) -> Mapping[str, Waiting]:
        vendors = [name for name in self.request.vendors if _keeps_sessions(name)]
        if not vendors:
            raise AttendError("no vendor of this request takes a person's own session")
        key = data_key_of(self.connection, self.request, self.masters)
        prints = Prints(fingerprinter(self.connection, self.masters))
        return {name: Waiting(self.connection, self.request, name, key, prints) for name in vendors}

    def _take_batch(self, batch: Sequence[Given], waiting: Mapping[str, Waiting]) -> None:
        unused = {given.place for given in batch}
        for vendor, those in waiting.items():
            fresh = [given for given in batch if _block(given, vendor).get(SESSION)]
            unused -= {given.place for given in fresh}
            found = those.match(fresh) if fresh else {}
            blocks: dict[int, Any] = {}
            for given in fresh:
                lines = found.get(given.place, [])
                if not lines:
                    self._fault(given.place, f"nobody of these identifiers waits at {vendor}")
                elif self._lines.setdefault(vendor, set()).intersection(lines):
                    self._fault(given.place, f"gives a second session at {vendor} for one person")
                else:
                    self._lines[vendor].update(lines)
                    blocks.update(dict.fromkeys(lines, _block(given, vendor)))
            those.keep(blocks)
        for place in sorted(unused):
            self._fault(place, f"has no session: give {' or '.join(f'vendors.{name}.{SESSION}' for name in waiting)}")

    def _fault(self, place: int, problem: str) -> None:
        self._total += 1
        if len(self._faults) < TOLD:
            self._faults.append(f"line {place}: {problem}")


def _block(given: Given, vendor: str) -> Mapping[str, Any]:
    return (given.subject.get("vendors") or {}).get(vendor) or {}


def _keeps_sessions(vendor: str) -> bool:
    return vendor in ADAPTERS and ADAPTERS[vendor].keeps_sessions


def _vendor_id(request: Standing, vendor: str) -> int:
    if vendor not in request.vendors:
        raise AttendError(f"this request does not go to such a vendor; it goes to {', '.join(request.vendors)}")
    return request.vendors[vendor]


def _check_people(request: Standing) -> None:
    if request.forgotten:
        raise AttendError("the people of this request have been forgotten; submit a new one")


def raise_deadlines(tools: Toolbox, days: float = 7.0) -> int:
    """Log a warning for each request that is due within so many days, or over, and not done; how many there are."""
    with tools.engine.connect() as connection:
        pressing = reports.at_risk(connection, days)
    for one in pressing:
        log.warning(
            "request %s is due %s: %d deliveries pending, %d need attention",
            one.request_id,
            one.due_at.date().isoformat(),
            one.pending,
            one.attention,
        )
    return len(pressing)
