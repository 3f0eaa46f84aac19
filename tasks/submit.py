"""Taking a request in: recorded whole in one transaction, or refused with nothing left behind."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import to_json

from adapters.registry import ADAPTERS, adapter_named
from domain.accounts import vendor_of
from domain.deadlines import AskedInRows, Deadlines, Regulation
from domain.moments import EARLIEST, LATEST
from domain.noticed import Noticed
from domain.notices import Callback
from domain.requests import Kind, Subject
from ledger.accounts.audit import HERE, Origin
from ledger.delivery.vendors import Vendor, all_vendors
from ledger.keys import fingerprinter
from ledger.people.prints import Prints
from ledger.requests import new_request, recording
from ledger.requests.idempotency import any_in_clear
from ledger.requests.new_request import Also, NewRequest, Warn
from ledger.requests.recording import Earlier, Recorded
from ledger.requests.small_requests import Small, is_few, record_few
from ledger.sealing import Fingerprinter, MasterKeys
from ledger.session import Engine
from tasks.dated_people import undated
from tasks.provide import keeps_sessions
from tasks.reach import fields_at
from tasks.subjects import shown

Wake = Callable[[Sequence[str]], None]
"""Tells the workers that there is work for these vendors; losing the message costs a second, not a delivery."""


class SubmitError(Exception):
    """The request cannot be taken as it is, and nothing of it was recorded. The message says what to change."""


class KeyConflictError(SubmitError):
    """This idempotency key already stands for another request."""

    def __init__(self) -> None:
        super().__init__("this idempotency key already stands for another request; use a new one")


@dataclass(frozen=True)
class Submission:
    """What a producer asks for, but for the people."""

    kind: Kind
    vendors: tuple[str, ...] = ()  # none named: all that are switched on
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    idempotency_key: str | None = field(default=None, repr=False)
    submitted_by: str = "unknown"
    asked_at: datetime | None = None
    """When the controller was asked, from which the due date counts; None: on receipt. A person's own record may say so
    too: the request is due by the earliest."""
    effective_at: datetime | None = None
    """When the people made their wish, which decides between wishes of one person; None: when it was asked."""
    regulation: Regulation | None = None
    """The law it is made under, which says when it is due; None: the operator's default."""
    not_before: datetime | None = None
    """Nothing is sent before this."""
    confirmed: bool = False
    """The submitter confirms a large request at once, with nobody else looking."""
    callbacks: tuple[Callback, ...] = ()
    """Who wants to be told of its changes of status; their addresses were checked where it came in."""
    also: Also | None = field(default=None, repr=False)
    """Writes into the ledger what the way it came in by keeps of it, in the same transaction."""
    accept_unreachable: bool = False
    """The submitter accepts that some of the people cannot be found at some vendors: nobody need see to them."""
    warn: Warn | None = field(default=None, repr=False)
    """Told how many cannot be found where, before anything is sent."""
    noticed: Noticed = field(default_factory=Noticed, repr=False)
    """The one that the people are read with: what is allowed, and what was noticed once all are read."""
    origin: Origin = HERE
    """Whence it came, for the audit log."""


@dataclass(frozen=True)
class Guards:
    """What the operator has set for every request: how long to wait for second thoughts, above how many people someone
    else looks, and when it is due."""

    cool_off_s: Mapping[Kind, float] = field(default_factory=dict)
    confirm_above: int | None = None
    deadlines: Deadlines = field(default_factory=Deadlines)
    resolves: bool = False
    """Whether the controller's own directory is asked for what people lack."""
    confirm_within_s: float = 0.0
    """What a submitter sent within so many seconds counts towards `confirm_above`; 0: each request by itself."""


NO_GUARDS = Guards()


class Known(NamedTuple):
    """What is the same for every submission of a while."""

    vendors: Sequence[Vendor]
    prints: Fingerprinter
    clear_keys: bool
    """Whether idempotency keys are left that an earlier version recorded as they are."""


def look_up(engine: Engine, masters: MasterKeys) -> Known:
    """The vendors as they stand, and the ledger's fingerprinter. Raises ledger.sealing.UnsealError."""
    with engine.begin() as connection:
        return Known(all_vendors(connection), fingerprinter(connection, masters), any_in_clear(connection))


class Lately:
    """Looks up again what was known a second ago, for those who submit hundreds of times a second.

    A vendor switched off within that second gets the request's chunks, and they wait, as they do for one that is
    switched off a second after.
    """

    def __init__(self, engine: Engine, masters: MasterKeys, for_s: float = 1.0) -> None:
        self._engine, self._masters = engine, masters
        self._for_s = for_s
        self._found: tuple[float, Known] | None = None

    def __call__(self) -> Known:
        """What is known. Raises as `look_up` does."""
        found = self._found
        if found is None or monotonic() >= found[0]:
            found = self._found = (monotonic() + self._for_s, look_up(self._engine, self._masters))
        return found[1]


@dataclass(frozen=True)
class Receipt:
    """What the producer gets back. `repeated`: the same submission was here before and nothing new was recorded."""

    recorded: Recorded
    repeated: bool


def submit(
    submission: Submission,
    people: Iterable[Subject],
    *,
    engine: Engine,
    masters: MasterKeys,
    wake: Wake,
    guards: Guards = NO_GUARDS,
    known: Callable[[], Known] | None = None,
) -> Receipt:
    """Record a request and wake the workers; one with more people than `guards` allow waits to be confirmed.

    `people` are validated ones (`tasks.subjects`), read once, in constant memory; whatever they raise is raised here,
    with nothing recorded. `known`: where vendors and fingerprinter are kept (`Lately`); None looks them up.

    Raises SubmitError, ledger.session.OperationalError, ledger.sealing.UnsealError.
    """
    lately = known() if known else look_up(engine, masters)
    rows = AskedInRows()
    people = list(undated(people, rows)) if isinstance(people, list) else undated(people, rows)
    new, prints = _new(submission, guards, lately, rows), lately.prints
    if isinstance(people, list) and is_few(new, people):
        (few,) = record_few(engine, [Small(new, people)], masters=masters, fingerprinter=prints)
        if few is not None:
            return _received(new, few, wake)
    try:
        with engine.begin() as connection:
            recorded = recording.record(connection, new, people, masters=masters, prints=Prints(prints))
    except recording.NothingToDoError:
        raise SubmitError("there is nobody in it") from None
    except new_request.TooLateError:
        raise SubmitError(f"it would not be sent before it is due: {new.term.due} after it was asked") from None
    except new_request.FutureError as error:
        raise SubmitError(f"{error.name} is in the future; not_before is for what is to happen later") from None
    except recording.KeyTakenError:
        # People are unread: whoever is recording under this key at this moment was waited for before.
        earlier = _earlier(engine, new, masters, prints)
        if not _says_the_same(earlier, new, people, prints):
            raise KeyConflictError from None
        return Receipt(earlier.recorded, repeated=True)
    return _received(new, recorded, wake)


class Offer(NamedTuple):
    """What somebody submits, and the people of it."""

    submission: Submission
    people: list[Subject]

    def __repr__(self) -> str:
        return f"Offer(people={len(self.people)})"


def submit_few(
    offers: Sequence[Offer], *, engine: Engine, masters: MasterKeys, wake: Wake, guards: Guards, known: Known
) -> list[Receipt | SubmitError | None]:
    """What `submit` does, for several that came at the same time, and are recorded in one go; a SubmitError in the
    place of one that cannot be taken. None: nothing was recorded, `submit` has to see to it.

    Raises ledger.session.OperationalError.
    """
    results: list[Receipt | SubmitError | None] = [None] * len(offers)
    small: dict[int, Small] = {}
    for place, (submission, people) in enumerate(offers):
        rows = AskedInRows()
        without_dates = list(undated(people, rows))
        try:
            new = _new(submission, guards, known, rows)
        except SubmitError as error:
            results[place] = error
        else:
            if is_few(new, without_dates):
                small[place] = Small(new, without_dates)
    if small:
        done = record_few(engine, list(small.values()), masters=masters, fingerprinter=known.prints)
        for (place, (new, _)), recorded in zip(small.items(), done, strict=True):
            results[place] = _received(new, recorded, wake) if recorded is not None else None
    return results


def _new(submission: Submission, guards: Guards, known: Known, rows: AskedInRows) -> NewRequest:
    _check_times(submission)
    regulation = submission.regulation or guards.deadlines.default
    vendors = _chosen(submission.vendors, known.vendors)
    return NewRequest(
        kind=submission.kind,
        vendors=vendors,
        options=to_json(_checked_options(submission.options, known.vendors)),
        session_vendors=frozenset(filter(keeps_sessions, [*ADAPTERS, *(vendor.name for vendor in vendors)])),
        idempotency_key=submission.idempotency_key,
        clear_keys=known.clear_keys,
        submitted_by=submission.submitted_by,
        asked_at=submission.asked_at,
        effective_at=submission.effective_at,
        regulation=regulation,
        term=guards.deadlines.term(regulation, submission.kind),
        rows=rows,
        not_before=submission.not_before,
        cool_off_s=guards.cool_off_s.get(submission.kind, 0.0),
        confirm_above=guards.confirm_above,
        confirm_within_s=guards.confirm_within_s,
        confirmed=submission.confirmed,
        callbacks=submission.callbacks,
        also=submission.also,
        reach=fields_at(vendors, submission.kind),
        resolvable=frozenset(_resolvable(vendors) if guards.resolves else ()),
        accept_unreachable=submission.accept_unreachable,
        warn=submission.warn,
        noticed=submission.noticed,
        origin=submission.origin,
    )


def _resolvable(vendors: Iterable[Vendor]) -> Iterator[str]:
    """Those that find people by what a directory can tell; a session is the person's own."""
    for vendor in vendors:
        if not keeps_sessions(vendor.name):
            yield vendor.name


def _received(new: NewRequest, recorded: Recorded, wake: Wake) -> Receipt:
    later = new.cool_off_s > 0 or (new.not_before is not None and new.not_before > datetime.now(UTC))
    if not recorded.unconfirmed and not later:  # what is to begin later is found when its time comes
        wake([vendor.name for vendor in new.vendors])
    return Receipt(recorded, repeated=False)


def _check_times(submission: Submission) -> None:
    times = {
        "asked_at": submission.asked_at,
        "effective_at": submission.effective_at,
        "not_before": submission.not_before,
    }
    for name, at in times.items():
        if at is not None and at.utcoffset() is None:
            raise SubmitError(f"{name} must say its time zone, as in 2026-05-25T00:00:00Z")
        if at is not None and not EARLIEST <= at < LATEST:
            raise SubmitError(f"{name} must lie between the years {EARLIEST.year} and {LATEST.year}")


def _chosen(named: Sequence[str], known: Sequence[Vendor]) -> list[Vendor]:
    enabled = {vendor.name: vendor for vendor in known if vendor.enabled}
    if not enabled:
        raise SubmitError("no vendor is switched on: set its CONSENT_<VENDOR>__ variables and start the workers")
    meant = {name: [one for one in enabled if name in (one, vendor_of(one))] for name in named or enabled}
    if not all(meant.values()):
        raise SubmitError(f"unknown or switched-off vendor; known are {', '.join(sorted(enabled))}")
    return [enabled[name] for name in sorted({one for those in meant.values() for one in those})]


def _checked_options(options: Mapping[str, Any], known: Sequence[Vendor]) -> dict[str, Any]:
    names = dict.fromkeys([*ADAPTERS, *(vendor.name for vendor in known)])
    for vendor, block in options.items():
        adapter = adapter_named(vendor) if vendor in names else None
        if adapter is None:
            raise SubmitError(f"options are given by vendor; known are {', '.join(names)}")
        try:
            adapter.options_model.model_validate(block)
        except ValidationError as error:
            fault = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(shown(part) for part in fault["loc"])
            raise SubmitError(f"options.{vendor}.{where}: {fault['msg']}") from None
    return dict(options)


def _earlier(engine: Engine, new: NewRequest, masters: MasterKeys, prints: Fingerprinter) -> Earlier:
    assert new.idempotency_key is not None  # noqa: S101 - for the type checker: it was taken
    with engine.begin() as connection:
        earlier = recording.find_by_idempotency_key(connection, new.idempotency_key, masters, prints)
    if earlier is None:
        raise recording.KeyTakenError
    return earlier


def _says_the_same(earlier: Earlier, new: NewRequest, people: Iterable[Subject], fingerprints: Fingerprinter) -> bool:
    prints = Prints(fingerprints)
    for subject in people:
        prints.whole(subject)
    return (
        earlier.kind is new.kind
        and earlier.vendor_ids == [vendor.id for vendor in new.vendors]
        and earlier.options == new.options
        and earlier.digest == new_request.digest_of(new, prints)
    )
