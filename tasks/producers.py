"""Takes in requests of Celery producers: each is opened, validated and recorded, or refused and noted in the audit
log."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple, TypeVar
from uuid import UUID

from domain.noticed import Noticed
from domain.unexpected import type_and_place
from ledger.failures import LedgerError, as_ledger_errors
from ledger.requests.recording import KeyTakenError
from ledger.sealing import MasterKeys, UnsealError
from ledger.session import Engine
from tasks.envelopes import UnusableError, read
from tasks.known import Known, look_up
from tasks.payloads import Payload, RefusedError, people_of, read_payload
from tasks.queues import SUBMIT
from tasks.reach import say_unreachable
from tasks.refusals import NOBODY, Refusal, record
from tasks.sealed import LARGEST_ITEM, SEAL, NotSealedError, ProducerKeys
from tasks.submission import Guards, Submission, SubmitError
from tasks.submit import Offer, Receipt, Wake, submit, submit_few

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Intake:
    """What taking in needs."""

    engine: Engine
    masters: MasterKeys
    keys: ProducerKeys
    wake: Wake = field(repr=False)
    guards: Guards
    known: Callable[[], Known] | None = field(default=None, repr=False)


class Waits(NamedTuple):
    """A message that is, or may be, valid and cannot be recorded now. Keep it and try again."""

    why: str


Taken = UUID | Refusal | Waits
"""The result of a message: the request that was recorded, or why there is none."""


class _Opened(NamedTuple):
    """A message that was opened and can be read."""

    message_id: UUID
    offer: Offer


def take_in(items: Sequence[bytes], intake: Intake, *, apart: bool = False) -> list[Taken]:
    """Record the requests of items of the list `consent.submit`, in one go; returns each result, in order. Taking an
    item twice is harmless. Every refusal and every request gets its audit entry in the same transaction. Workers are
    woken once.

    `apart`: record each by itself, so that one at which PostgreSQL fails delays no other.

    Raises LedgerError and UnsealError where nothing can be recorded now. Then all items have to be tried again.
    """
    taken: list[Taken | _Opened] = [_open(item, intake) for item in items]
    opened = [one for one in taken if isinstance(one, _Opened)]
    with as_ledger_errors():
        recorded = iter(_recorded(opened, intake, apart=apart) if opened else ())
        settled = [next(recorded) if isinstance(one, _Opened) else one for one in taken]
        record(intake.engine, [one for one in settled if isinstance(one, Refusal)])
    return settled


def _open(item: bytes, intake: Intake) -> "_Opened | Refusal | Waits":
    message_id, by = None, NOBODY
    try:
        message = read(item, LARGEST_ITEM)
        message_id = message.id
        if message.task != SUBMIT:
            raise UnusableError(f"not the task {SUBMIT}, and no other is run from here", message_id)
        if len(message.args) != 1 or message.kwargs:
            raise UnusableError(f"not sealed: the task takes one argument, a sealed text; {SEAL}", message_id)
        (sealed,) = message.args
        payload = read_payload(intake.keys.open(sealed), noticed := Noticed())
        by = f"{NOBODY}:{payload.submitted_by}"
        submission = _submission(payload, by, payload.idempotency_key or _digest(sealed), noticed)
        return _Opened(message_id, Offer(submission, people_of(payload, noticed)))
    except UnusableError as unusable:
        return Refusal(SUBMIT, str(unusable), unusable.message_id)
    except NotSealedError as refusal:
        return Refusal(SUBMIT, str(refusal), message_id)
    except RefusedError as refusal:
        return Refusal(SUBMIT, str(refusal), message_id, by, readable=False)
    except Exception as error:  # noqa: BLE001 - a fault of ours, which holds up this message and no other
        return Waits(type_and_place(error))


def _submission(payload: Payload, by: str, key: str, noticed: Noticed) -> Submission:
    return Submission(
        payload.kind,
        tuple(payload.vendors),
        payload.options,
        idempotency_key=f"{by} {key}",
        submitted_by=by,
        asked_at=payload.asked_at,
        effective_at=payload.effective_at,
        regulation=payload.regulation,
        not_before=payload.not_before,
        accept_unreachable=payload.accept_unreachable,
        reference=payload.reference,
        noticed=noticed,
    )


def _recorded(opened: Sequence[_Opened], intake: Intake, *, apart: bool) -> list[Taken]:
    """Each result. Raises LedgerError, UnsealError, and what the driver raises."""
    woken: set[str] = set()
    known = intake.known() if intake.known else look_up(intake.engine, intake.masters)
    receipts: Sequence[Receipt | SubmitError | None] = [None] * len(opened)
    if not apart:
        together = _guarded(
            lambda: submit_few(
                [one.offer for one in opened],
                engine=intake.engine,
                masters=intake.masters,
                wake=woken.update,
                guards=intake.guards,
                known=known,
            )
        )
        receipts = receipts if isinstance(together, Waits) else together
    settled = [
        _settled(one, receipt or _alone(one.offer, intake, known, woken.update, apart=apart))
        for one, receipt in zip(opened, receipts, strict=True)
    ]
    if woken:
        intake.wake(sorted(woken))
    return settled


def _alone(offer: Offer, intake: Intake, known: Known, wake: Wake, *, apart: bool) -> Receipt | SubmitError | Waits:
    def do() -> Receipt | SubmitError:
        try:
            return submit(
                *offer,
                engine=intake.engine,
                masters=intake.masters,
                wake=wake,
                guards=intake.guards,
                known=lambda: known,
            )
        except SubmitError as error:
            return error

    try:
        return _guarded(do)
    except LedgerError as error:
        if not apart:
            raise
        look_up(intake.engine, intake.masters)  # if this raises, the fault is not the message's
        return Waits(repr(error))


def _guarded(do: Callable[[], T]) -> T | Waits:
    """What `do` returns, or why to try again; raises LedgerError."""
    try:
        with as_ledger_errors():
            return do()
    except LedgerError:
        raise
    except (UnsealError, KeyTakenError) as error:
        return Waits(repr(error))
    except Exception as error:  # noqa: BLE001 - a fault of ours, which holds up this message and no other
        return Waits(type_and_place(error))


def _settled(one: _Opened, came: Receipt | SubmitError | Waits) -> Taken:
    match came:
        case SubmitError():
            return Refusal(SUBMIT, str(came), one.message_id, one.offer.submission.submitted_by, readable=False)
        case Waits():
            return came
    recorded = came.recorded
    if recorded.unreachable:
        log.warning("request %s: %s", recorded.public_id, say_unreachable(recorded.unreachable, recorded.people))
    return recorded.public_id


def _digest(sealed: object) -> str:
    return f"sealed-{sha256(str(sealed).encode()).hexdigest()}"
