"""Validates one submitted person: our own fields, and each vendor's block by that vendor's model."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, ValidationError, ValidationInfo
from pydantic_core import PydanticCustomError

from adapters.registry import ADAPTERS, adapter_named
from domain.accounts import PATTERN, vendor_of
from domain.allowances import NONE, Allowances
from domain.moments import possible_from
from domain.noticed import DOUBTS, Noticed
from domain.refused_values import problem_of
from domain.requests import PLACEHOLDER, SUBJECT, Subject, is_identified
from domain.twins import TwinsError, may_have_twins, members_of, refuse_twins

OWN = ("user_id", "email", "phone_number")
"""Our own fields that identify a person."""
LOOKED_FOR = Noticed(undoubted=frozenset({"placeholder"}))
"""Placeholders may be looked up: it harms nobody, and somebody may have been allowed one."""


TWICE = "has a key twice in one object: give it once"
IN_THE_FUTURE = "is in the future: give the moment when it was asked for"


class Fault(NamedTuple):
    """What is wrong with one field; never its value."""

    field: str
    problem: str


class SubjectError(Exception):
    """This person cannot be taken as submitted."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("unusable")
        self.faults = faults


def parse_subject(line: bytes, noticed: Noticed | None = None) -> Subject:
    """Read a person from one line of JSON. `noticed` says what is allowed, and collects empty fields.

    Raises SubjectError.
    """
    try:
        subject = SUBJECT.validate_json(line, context=noticed)
        if not is_identified(subject):
            SUBJECT.validate_json(line)  # names the blank fields
        if may_have_twins(line, members_of(subject)):
            refuse_twins(line)
    except ValidationError as error:
        raise SubjectError(faults_in(error, ())) from None
    except TwinsError:
        raise SubjectError([Fault("", TWICE)]) from None
    return checked(subject, noticed)


def check_subject(record: dict[str, Any], noticed: Noticed | None = None) -> Subject:
    """Read a person from a mapping of the same shape. Raises SubjectError."""
    try:
        subject = SUBJECT.validate_python(record, context=noticed)
        if not is_identified(subject):
            SUBJECT.validate_python(record)  # names the blank fields
    except ValidationError as error:
        raise SubjectError(faults_in(error, ())) from None
    return checked(subject, noticed)


def checked(subject: Subject, noticed: Noticed | None = None) -> Subject:
    """Check the vendors' blocks of a person whose own fields are valid, and what is allowed by field and value. Raises
    SubjectError."""
    noticed = noticed or Noticed()
    faults = list(_doubts_not_allowed(subject, noticed.allowed)) if noticed.allowed else []
    vendors = subject.get("vendors")
    if vendors:
        vendors = _without_blanks(vendors, "", noticed)
        subject = {**subject, "vendors": vendors}
        faults += _faults_in_blocks(vendors, noticed)
    if faults:
        raise SubjectError(faults)
    if not is_identified(subject):
        raise SubjectError([Fault("", "has no identifier: give user_id, email, phone_number or a vendor's own")])
    asked_at = subject.get("asked_at")
    if asked_at is not None and noticed.as_of is not None and possible_from(asked_at) > noticed.as_of:
        raise SubjectError([Fault("asked_at", IN_THE_FUTURE)])
    return subject


def checked_all(subjects: Sequence[Subject], noticed: Noticed) -> list[Subject]:
    """Check several people. The fields of faults begin with `subjects.` and the position. Raises SubjectError."""
    people: list[Subject] = []
    faults: list[Fault] = []
    for place, subject in enumerate(subjects):
        try:
            people.append(checked(subject, noticed))
        except SubjectError as error:
            faults += [Fault(f"subjects.{place}.{one.field}".rstrip("."), one.problem) for one in error.faults]
    if faults:
        raise SubjectError(faults)
    return people


def _doubts_not_allowed(subject: Subject, allowed: Allowances) -> list[Fault]:
    try:
        SUBJECT.validate_python({name: subject.get(name) for name in OWN})
    except ValidationError as error:
        return faults_in(error, (), allowed)
    return []


def _without_blanks(value: Any, place: str, noticed: Noticed) -> Any:
    """Remove empty texts, and note the field of each."""
    kept = {}
    for key, inner in value.items():
        inside = f"{place}.{key}" if place else key
        if isinstance(inner, dict):
            said = _without_blanks(inner, inside, noticed)
            if said or not inner:  # an object of empty texts is empty too
                kept[key] = said
        elif isinstance(inner, str) and not inner.strip():
            noticed.leave_aside(".".join(map(shown, inside.split("."))))
        else:
            kept[key] = inner
    return kept


def _faults_in_blocks(vendors: dict[str, dict[str, Any]], noticed: Noticed) -> list[Fault]:
    faults: list[Fault] = []
    undoubted = Noticed(undoubted=noticed.undoubted)
    for name, block in vendors.items():
        adapter = adapter_named(name)
        if adapter is None or not re.fullmatch(PATTERN, name):
            faults.append(Fault(f"vendors.{shown(name)}", f"unknown vendor; known are {', '.join(ADAPTERS)}"))
            continue
        try:
            adapter.identifiers_model.model_validate(block, context=undoubted)
        except ValidationError as error:
            faults += faults_in(error, ("vendors", name), noticed.allowed)
    return faults


def fits_vendor(name: str, block: Mapping[str, Any]) -> bool:
    """Whether a vendor's block may have these fields. The values were checked before."""
    adapter = adapter_named(name)
    assert adapter is not None  # noqa: S101 - of others no block is taken in
    try:
        adapter.identifiers_model.model_validate(block, context=Noticed(undoubted=DOUBTS))
    except ValidationError:
        return False
    return True


def faults_in(error: ValidationError, prefix: tuple[str, ...] = (), allowed: Allowances = NONE) -> list[Fault]:
    """The faults that pydantic found and that are not allowed, without any value."""
    return [
        Fault(".".join(shown(part) for part in (*prefix, *fault["loc"])), problem_of(fault, PROBLEMS))
        for fault in error.errors(include_input=bool(allowed), include_url=False)
        if not _is_allowed(fault, prefix, allowed)
    ]


def _is_allowed(fault: Any, prefix: tuple[str, ...], allowed: Allowances) -> bool:
    if not allowed or fault["type"] not in DOUBTS:
        return False
    return allowed.allows(".".join(map(str, (*prefix, *fault["loc"]))), fault["input"])


def _allow(given: dict[str, list[str]], info: ValidationInfo) -> dict[str, list[str]]:
    if isinstance(info.context, Noticed):
        try:
            info.context.allow(given)
        except ValueError as error:
            raise PydanticCustomError("allowance", "{problem}", {"problem": str(error)}) from None
    return given


AllowPlaceholders = Annotated[dict[str, list[str]], AfterValidator(_allow)]
"""By field (`user_id`, `insider.insider_id`), values that are real though they look like placeholders. In a model it
must come before the people: fields are validated in order."""


def advice(problems: Iterable[str]) -> str | None:
    """What to do about faults that the submitter may overrule; None where there are none."""
    if PLACEHOLDER not in problems:
        return None
    return (
        "leave a placeholder out, and give the person's own identifier; a customer who is really called so is taken "
        "where it is said: --allow-placeholder FIELD=VALUE, or allow_placeholders in the API"
    )


PROBLEMS = {
    "json_invalid": 'is not JSON in UTF-8: give one object for each person, as {"user_id": "u-1"}',
}
"""Words for these faults of a person where they are others than usual."""


def shown(part: object) -> str:
    """A key of what was submitted, for a message."""
    # A key that does not look like a field's name may be an identifier in the wrong place.
    text = str(part)
    if isinstance(part, int):  # a position in a list
        return text
    name = vendor_of(text) if adapter_named(text) and re.fullmatch(PATTERN, text) else text
    return text if re.fullmatch(r"[a-z][a-z_0-9]{0,30}", name) and not re.search(r"[0-9]{4}", text) else "(a key)"
