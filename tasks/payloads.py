"""What Celery producers seal: how it is written, read and checked."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError

from domain.accounts import PATTERN
from domain.moments import GivenDayOrMoment, Moment
from domain.noticed import Noticed
from domain.references import GivenReference
from domain.regulations import Regulation
from domain.requests import Kind, Subject
from domain.twins import TwinsError, refuse_twins
from tasks.subjects import TWICE, AllowPlaceholders, Fault, SubjectError, advice, checked_all, faults_in

MOST_FAULTS = 20
"""How many faults of one payload are kept."""
MOST_PARTS = 300_000
"""Limit on members, lists and objects of a payload. A thousand people with every field have a tenth of it. What is
written in two bytes takes a hundred once decoded."""


class Payload(BaseModel):
    """What a producer seals: JSON in UTF-8, the body of `POST /v1/requests` with two more fields."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)

    kind: Kind
    allow_placeholders: AllowPlaceholders = {}
    """By field, identifiers that are real though they look like placeholders or damaged ones."""
    subjects: list[Subject] = Field(min_length=1, max_length=1_000)
    vendors: list[Annotated[str, StringConstraints(pattern=PATTERN)]] = Field(default=[], max_length=50)
    options: dict[str, dict[str, JsonValue]] = {}
    asked_at: GivenDayOrMoment | None = None
    effective_at: GivenDayOrMoment | None = None
    regulation: Regulation | None = None
    not_before: Moment | None = None
    accept_unreachable: bool = False
    reference: GivenReference | None = None
    idempotency_key: Annotated[str, StringConstraints(pattern="^[!-~]{1,200}$")] | None = None
    """Without a key, the sealed text identifies the request: a message that arrives twice is recorded once, but a
    payload that is sealed twice becomes two requests."""
    submitted_by: Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_.-]{0,39}$")] = "unknown"
    """The system that it comes from, by its own account."""


class RefusedError(Exception):
    """A payload that cannot be used. The message goes into the audit log: it names fields, and quotes no value."""


def read_payload(plain: bytes, noticed: Noticed) -> Payload:
    """What was sealed, read and validated, but for its people. Raises RefusedError."""
    if sum(map(plain.count, (b"[", b"{", b","))) > MOST_PARTS:
        raise RefusedError(f"the payload: has more than {MOST_PARTS:,} parts: send fewer people at a time")
    try:
        payload = Payload.model_validate_json(plain, context=noticed)
        refuse_twins(plain)
    except ValidationError as error:
        raise RefusedError(_in_short(faults_in(error))) from None
    except TwinsError:
        raise RefusedError(f"the payload: {TWICE}") from None
    return payload


def people_of(payload: Payload, noticed: Noticed) -> list[Subject]:
    """Its people, checked. Raises RefusedError."""
    try:
        return checked_all(payload.subjects, noticed)
    except SubjectError as error:
        raise RefusedError(_in_short(error.faults)) from None


def _in_short(faults: Sequence[Fault]) -> str:
    told = [f"{fault.field or 'the payload'}: {fault.problem}" for fault in faults[:MOST_FAULTS]]
    told += [f"and {len(faults) - MOST_FAULTS:,} more"] if len(faults) > MOST_FAULTS else []
    what_to_do = advice(fault.problem for fault in faults)
    return "; ".join([*told, what_to_do] if what_to_do else told)
