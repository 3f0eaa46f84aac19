"""Records a request: as a whole in one transaction, or not at all."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from typing import NamedTuple

from domain.deadlines import AskedInRows
from domain.requests import Subject
from ledger.people.adding import FEW
from ledger.people.prints import Prints
from ledger.requests import new_request, recording
from ledger.requests.new_request import NewRequest
from ledger.requests.recording import Earlier, Recorded
from ledger.requests.small_requests import Small, is_few, record_few
from ledger.sealing import Fingerprinter, MasterKeys
from ledger.session import Engine
from tasks.dated_people import undated
from tasks.known import Known, look_up
from tasks.known_accounts import at_known_accounts
from tasks.new_requests import new_request_of
from tasks.submission import NO_GUARDS, FutureMomentError, Guards, KeyConflictError, Submission, SubmitError

Wake = Callable[[Sequence[str]], None]
"""Wakes the workers of these vendors. Losing the message costs a second, not a delivery."""


@dataclass(frozen=True)
class Receipt:
    """What the producer gets back. `repeated`: the same submission was recorded before, and nothing new was."""

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
    """Record a request and wake the workers. One with more people than `guards` allow waits to be confirmed.

    `people` are validated (`tasks.subjects`) and read once, in constant memory; an exception from them is raised here,
    with nothing recorded. `known`: the cached vendors and fingerprinter (`Lately`); None looks them up.

    Raises SubmitError, ledger.session.OperationalError, ledger.sealing.UnsealError.
    """
    lately = known() if known else look_up(engine, masters)
    submission.noticed.as_of = lately.as_of
    rows = AskedInRows()
    passing = undated(at_known_accounts(people, lately.names, submission.noticed), rows)
    people = list(passing) if isinstance(people, list) else passing
    new, prints = new_request_of(submission, guards, lately, rows), lately.prints
    if isinstance(people, list) and is_few(new, people):
        (few,) = record_few(engine, [Small(new, people)], masters=masters, fingerprinter=prints)
        if few is not None:
            return _received(new, few, wake)
    if people is passing:
        people = _begun(passing)
    try:
        recorded = _record(engine, new, people, masters, prints)
    except recording.NothingToDoError:
        raise SubmitError("there is nobody in it") from None
    except new_request.TooLateError:
        raise SubmitError(f"it would not be sent before it is due: {new.term.due} after it was asked") from None
    except new_request.FutureError as error:
        raise FutureMomentError(error.name, error.person) from None
    except recording.KeyTakenError:
        # Nobody has been read yet. If another process is recording under this key now, we have waited for it.
        prints = look_up(engine, masters).prints  # a key may have been replaced since
        earlier = _earlier(engine, new, masters, prints)
        if not _says_the_same(earlier, new, people, prints):
            raise KeyConflictError from None
        return Receipt(earlier.recorded, repeated=True)
    return _received(new, recorded, wake)


def _begun(people: Iterator[Subject]) -> Iterator[Subject]:
    """The same people, with as many read as are not copied in while they come: how long that takes is up to their
    sender, and PostgreSQL ends a transaction in which nothing happens."""
    return chain(list(islice(people, FEW + 1)), people)


class Offer(NamedTuple):
    """A submission and its people."""

    submission: Submission
    people: list[Subject]

    def __repr__(self) -> str:
        return f"Offer(people={len(self.people)})"


def submit_few(
    offers: Sequence[Offer], *, engine: Engine, masters: MasterKeys, wake: Wake, guards: Guards, known: Known
) -> list[Receipt | SubmitError | None]:
    """The same as `submit` for several that came at the same time, recorded together; a SubmitError in the place of one
    that cannot be accepted. None: nothing was recorded, and `submit` has to do it.

    Raises ledger.session.OperationalError.
    """
    results: list[Receipt | SubmitError | None] = [None] * len(offers)
    small: dict[int, Small] = {}
    for place, (submission, people) in enumerate(offers):
        rows = AskedInRows()
        try:
            without_dates = list(undated(at_known_accounts(people, known.names, submission.noticed), rows))
            new = new_request_of(submission, guards, known, rows)
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


def _received(new: NewRequest, recorded: Recorded, wake: Wake) -> Receipt:
    later = new.cool_off_s > 0 or (new.not_before is not None and new.not_before > datetime.now(UTC))
    if not recorded.unconfirmed and not later:  # a request that begins later is found when its time comes
        wake([vendor.name for vendor in new.vendors if not vendor.by_hand])
    return Receipt(recorded, repeated=False)


def _record(
    engine: Engine, new: NewRequest, people: Iterable[Subject], masters: MasterKeys, prints: Fingerprinter
) -> Recorded:
    while True:
        try:
            with engine.begin() as connection:
                return recording.record(connection, new, people, masters=masters, prints=Prints(prints))
        except recording.KeysChangedError:  # nobody has been read yet
            prints = look_up(engine, masters).prints


def _earlier(engine: Engine, new: NewRequest, masters: MasterKeys, prints: Fingerprinter) -> Earlier:
    assert new.idempotency_key is not None  # noqa: S101 - for the type checker: it was taken
    with engine.begin() as connection:
        earlier = recording.find_by_idempotency_key(connection, new.idempotency_key, masters, prints)
    if earlier is None:
        raise recording.KeyTakenError
    return earlier


def _says_the_same(earlier: Earlier, new: NewRequest, people: Iterable[Subject], fingerprints: Fingerprinter) -> bool:
    by_key = [Prints(one) for one in fingerprints.every]  # it may be on record by an older one
    for subject in people:
        for prints in by_key:
            prints.whole(subject)
    return (
        earlier.kind is new.kind
        and earlier.vendor_ids == [vendor.id for vendor in new.vendors]
        and earlier.options == new.options
        and earlier.digest in [new_request.digest_of(new, prints) for prints in by_key]
    )
