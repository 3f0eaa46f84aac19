"""Data subject requests by OpenDSR: recorded once under the controller's own id, looked up, withdrawn."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple
from uuid import UUID

from adapters.receivers import AddressError, Rules, name_of
from domain.notices import Callback, Style
from domain.opendsr import Delivery, DsrRequest, DsrState, Version, controller_id, details_for, dsr_status
from domain.requests import Subject
from ledger.accounts.audit import HERE, Origin
from ledger.desk import reports
from ledger.desk.status import PENDING
from ledger.notices import opendsr
from ledger.notices.opendsr import Kept, NewDsr
from ledger.sealing import Fingerprinter, MasterKeys
from ledger.session import Connection, Engine
from tasks.attend import Desk, NoSuchRequestError
from tasks.submission import KeyConflictError, Submission, SubmitError
from tasks.submit import Receipt, Wake


class OtherContentError(SubmitError):
    """This subject_request_id already belongs to another request of the same controller."""

    def __init__(self) -> None:
        super().__init__("this subject_request_id already stands for a request of other content; use a new one")


class CallbackError(Exception):
    """An address that was given may not be sent to. The message says why; `place` is its position, from 0."""

    def __init__(self, place: int, problem: str) -> None:
        super().__init__(problem)
        self.place = place


class Taken(NamedTuple):
    """A request on record. `repeated`: it was on record before, and nothing new was recorded."""

    state: DsrState
    repeated: bool


@dataclass(frozen=True)
class DsrRequests:
    """The data subject requests of one controller. Nobody else can see them."""

    controller: str
    engine: Engine
    masters: MasterKeys
    prints: Callable[[], Fingerprinter] = field(repr=False)
    rules: Rules
    """Which callback addresses are allowed."""
    submit: Callable[[Submission, Iterable[Subject]], Receipt] = field(repr=False)
    """Records a request, as all ways in do."""
    wake: Wake = field(repr=False)
    origin: Origin = HERE
    """Where it is asked from, for the audit log."""

    def take(self, asked: DsrRequest) -> Taken:
        """Record a request, or find it on record: submitting the same twice gives one request.

        Raises CallbackError, OtherContentError, and whatever `submit` raises.
        """
        content_prints = [one.print_of(b"opendsr", asked.content) for one in self.prints().every]
        kept, repeated = self._find(asked.id), True
        if kept is None:
            kept, repeated = self._record(asked, content_prints[0])
        if kept.content_print not in content_prints:
            raise OtherContentError
        return Taken(self._state(kept), repeated)

    def _callbacks(self, asked: DsrRequest) -> tuple[Callback, ...]:
        details = details_for(asked, self.controller)
        found: dict[str, Callback] = {}
        for place, url in enumerate(asked.callback_urls):
            try:
                host = name_of(self.rules.check(url))
            except AddressError as error:
                raise CallbackError(place, str(error)) from None
            found[url] = Callback(url, host, Style.OPENDSR, details)
        return tuple(found.values())

    def _record(self, asked: DsrRequest, content_print: bytes) -> tuple[Kept, bool]:
        new = NewDsr(
            controller=self.controller,
            subject_request_id=asked.id,
            version=asked.version.value,
            content_print=content_print,
            unused_identities=asked.unused_identities,
            group_id=asked.group_id,
            group_print=self._group_prints(asked.group_id)[0] if asked.group_id else None,
        )
        submission = Submission(
            asked.kind,
            # The key holds the controller's name, so ids of two controllers, or of another way in, never collide.
            idempotency_key=f"opendsr:{self.controller}:{asked.id}",
            submitted_by=self.controller,
            asked_at=asked.submitted_at,
            regulation=asked.regulation,
            callbacks=self._callbacks(asked),
            also=partial(opendsr.add, new),
            accept_unreachable=asked.accept_unreachable,
            origin=self.origin,
        )
        try:
            receipt = self.submit(submission, asked.subjects)
        except KeyConflictError:
            raise OtherContentError from None
        kept = self._find(asked.id)
        if kept is None:  # the key belonged to a request that came another way
            raise OtherContentError
        return kept, receipt.repeated

    def look(self, subject_request_id: UUID) -> DsrState:
        """The state of a request. Raises NoSuchRequestError."""
        kept = self._find(subject_request_id)
        if kept is None:
            raise NoSuchRequestError
        return self._state(kept)

    def look_at_group(self, group_id: str) -> list[DsrState]:
        """The states of a group's requests, oldest first."""
        with self.engine.begin() as connection:
            found = opendsr.find_group(connection, self.controller, self._group_prints(group_id), self.masters)
            return [self._state_from(connection, kept) for kept in found]

    def withdraw(self, subject_request_id: UUID) -> DsrState:
        """Cancel a request that has not begun. Cancelling twice changes nothing. Raises AttendError."""
        kept = self._find(subject_request_id)
        if kept is None:
            raise NoSuchRequestError
        Desk(self.engine, self.controller, self.wake).cancel(kept.public_id, untouched=True)
        return self.look(subject_request_id)

    def _group_prints(self, group_id: str) -> list[bytes]:
        return [one.print_of(b"opendsr-group", group_id.encode()) for one in self.prints().every]

    def _find(self, subject_request_id: UUID) -> Kept | None:
        with self.engine.begin() as connection:
            return opendsr.find(connection, self.controller, subject_request_id, self.masters)

    def _state(self, kept: Kept) -> DsrState:
        with self.engine.begin() as connection:
            return self._state_from(connection, kept)

    def _state_from(self, connection: Connection, kept: Kept) -> DsrState:
        rows = reports.deliveries_of(connection, kept.public_id)
        status = reports.status_of(connection, kept.public_id)
        assert status is not None  # noqa: S101 - it is kept
        pending = {vendor for vendor, counts in status.vendors.items() if counts[PENDING]}
        expected = {vendor: count for vendor, count in status.not_found.items() if vendor in pending}
        return DsrState(
            request_id=kept.public_id,
            controller_id=controller_id(self.controller),
            subject_request_id=kept.subject_request_id,
            version=Version(kept.version),
            status=dsr_status(kept.status, begun=kept.begun, unreachable=status.unaccepted),
            received_at=kept.received_at,
            due_at=kept.due_at,
            unused_identities=kept.unused_identities,
            group_id=kept.group_id,
            deliveries=tuple(Delivery(row.vendor, row.outcome, row.reason) for row in rows),
            unreachable=status.unreachable | expected,
            accepted=frozenset(status.accepted_by),
        )
