"""Taking in what Celery producers submit: opened, checked as at every door, recorded, or refused into the audit log."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError

from domain.deadlines import Regulation
from domain.noticed import Noticed
from domain.requests import Kind, Subject
from ledger import audit
from ledger.sealing import MasterKeys
from ledger.session import Engine
from tasks.queues import SUBMIT
from tasks.reach import say_unreachable
from tasks.sealed import NotSealedError, ProducerKeys
from tasks.subjects import AllowPlaceholders, Fault, SubjectError, advice, checked_all, faults_in
from tasks.submit import Guards, Known, Submission, SubmitError, Wake, submit

log = logging.getLogger(__name__)

MOST_FAULTS = 20
"""Of one payload that are kept."""
NOBODY = "celery"
"""Who submitted what cannot be opened."""


class Payload(BaseModel):
    """What a producer seals: JSON in UTF-8, the same as the body of `POST /v1/requests` and two fields more."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)

    kind: Kind
    allow_placeholders: AllowPlaceholders = {}
    """By field, identifiers that are really somebody's though they look like nobody's or damaged."""
    subjects: list[Subject] = Field(min_length=1, max_length=1_000)
    vendors: list[Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{0,39}$")]] = Field(
        default=[], max_length=50
    )
    options: dict[str, dict[str, JsonValue]] = {}
    asked_at: AwareDatetime | None = None
    effective_at: AwareDatetime | None = None
    regulation: Regulation | None = None
    not_before: AwareDatetime | None = None
    accept_unreachable: bool = False
    idempotency_key: Annotated[str, StringConstraints(pattern="^[!-~]{1,200}$")] | None = None
    """Without one the sealed text itself stands for the request: a message that comes twice is recorded once, but a
    payload sealed twice is two requests."""
    submitted_by: Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_.-]{0,39}$")] = "unknown"
    """The system it comes from, by its own account."""


@dataclass(frozen=True)
class Intake:
    """What taking in needs."""

    engine: Engine
    masters: MasterKeys
    keys: ProducerKeys
    wake: Wake = field(repr=False)
    guards: Guards
    known: Callable[[], Known] | None = field(default=None, repr=False)


class _RefusedError(Exception):
    """The message is kept in the audit log: it names fields and never a value."""


def take_sealed(args: Sequence[object], kwargs: Mapping[str, object], task_id: str, intake: Intake) -> UUID | None:
    """Record what one message of `consent.submit` asks for; None where it is refused. Taking a message twice is
    harmless. Either way the audit log tells: what is recorded has its entry in the same transaction.

    Raises ledger.session.OperationalError and ledger.sealing.UnsealError: the message is good, we are not just now.
    """
    by = NOBODY
    try:
        sealed = _only_argument(args, kwargs)
        noticed = Noticed()
        payload, people = _read(intake.keys.open(sealed), noticed)
        by = f"{NOBODY}:{payload.submitted_by}"
        receipt = submit(
            Submission(
                payload.kind,
                tuple(payload.vendors),
                payload.options,
                idempotency_key=f"{by} {payload.idempotency_key or _digest(sealed)}",
                submitted_by=by,
                asked_at=payload.asked_at,
                effective_at=payload.effective_at,
                regulation=payload.regulation,
                not_before=payload.not_before,
                accept_unreachable=payload.accept_unreachable,
                noticed=noticed,
            ),
            people,
            engine=intake.engine,
            masters=intake.masters,
            wake=intake.wake,
            guards=intake.guards,
            known=intake.known,
        )
    except (_RefusedError, NotSealedError, SubmitError) as refusal:
        entry = audit.Entry(by, SUBMIT, allowed=False, target=_message(task_id), because=str(refusal))
        with intake.engine.begin() as connection:
            audit.add(connection, [entry])
        return None
    recorded = receipt.recorded
    if recorded.unreachable:
        log.warning("request %s: %s", recorded.public_id, say_unreachable(recorded.unreachable, recorded.people))
    return recorded.public_id


def _only_argument(args: Sequence[object], kwargs: Mapping[str, object]) -> object:
    if len(args) != 1 or kwargs:
        raise _RefusedError("not sealed: the task takes one argument, a sealed text")
    return args[0]


def _read(plain: bytes, noticed: Noticed) -> tuple[Payload, list[Subject]]:
    try:
        payload = Payload.model_validate_json(plain, context=noticed)
        return payload, checked_all(payload.subjects, noticed)
    except ValidationError as error:
        raise _RefusedError(_told(faults_in(error))) from None
    except SubjectError as error:
        raise _RefusedError(_told(error.faults)) from None


def _told(faults: Sequence[Fault]) -> str:
    told = [f"{fault.field or 'the payload'}: {fault.problem}" for fault in faults[:MOST_FAULTS]]
    told += [f"and {len(faults) - MOST_FAULTS:,} more"] if len(faults) > MOST_FAULTS else []
    what_to_do = advice(fault.problem for fault in faults)
    return "; ".join([*told, what_to_do] if what_to_do else told)


def _digest(sealed: object) -> str:
    return f"sealed-{sha256(str(sealed).encode()).hexdigest()}"


def _message(task_id: str) -> str | None:
    """A producer gives its message's id: kept where it is the UUID that Celery makes, for it could be anything."""
    try:
        return f"message {UUID(task_id)}"
    except ValueError:
        return None
