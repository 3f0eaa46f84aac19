"""One submitted person, checked whole: our own fields, and each vendor's block by that vendor's model."""

import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from adapters.registry import ADAPTERS
from domain.moments import CLOCKS_DIFFER
from domain.requests import SUBJECT, Subject, is_identified
from domain.twins import TwinsError, may_have_twins, members_of, refuse_twins


class Fault(NamedTuple):
    """What is wrong with one field; never its value."""

    field: str
    problem: str


class SubjectError(Exception):
    """This person cannot be taken as submitted."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("unusable")
        self.faults = faults


def parse_subject(line: bytes) -> Subject:
    """A person from one line of JSON. Raises SubjectError."""
    try:
        subject = SUBJECT.validate_json(line)
        if may_have_twins(line, members_of(subject)):
            refuse_twins(line)
    except ValidationError as error:
        raise SubjectError(faults_in(error, ())) from None
    except TwinsError:
        raise SubjectError([Fault("", "has a key twice in one object")]) from None
    return checked(subject)


def check_subject(record: dict[str, Any]) -> Subject:
    """A person from a mapping of the same shape. Raises SubjectError."""
    try:
        return checked(SUBJECT.validate_python(record))
    except ValidationError as error:
        raise SubjectError(faults_in(error, ())) from None


def checked(subject: Subject) -> Subject:
    """A person whose own fields are in order already, with the vendors' blocks checked too. Raises SubjectError."""
    vendors = subject.get("vendors")
    if vendors:
        _check_blocks(vendors)
    if not is_identified(subject):
        raise SubjectError([Fault("", "has no identifier: give user_id, email, phone_number or a vendor's own")])
    asked_at = subject.get("asked_at")
    if asked_at is not None and asked_at > datetime.now(UTC) + CLOCKS_DIFFER:
        raise SubjectError([Fault("asked_at", "is in the future")])
    return subject


def _check_blocks(vendors: dict[str, dict[str, Any]]) -> None:
    faults: list[Fault] = []
    for name, block in vendors.items():
        if name not in ADAPTERS:
            faults.append(Fault(f"vendors.{shown(name)}", f"unknown vendor; known are {', '.join(ADAPTERS)}"))
            continue
        try:
            ADAPTERS[name].identifiers_model.model_validate(block)
        except ValidationError as error:
            faults += faults_in(error, ("vendors", name))
    if faults:
        raise SubjectError(faults)


def faults_in(error: ValidationError, prefix: tuple[str, ...] = ()) -> list[Fault]:
    """What pydantic found, without any value of it."""
    return [
        Fault(".".join(shown(part) for part in (*prefix, *fault["loc"])), PROBLEMS.get(fault["type"], fault["msg"]))
        for fault in error.errors(include_input=False, include_url=False)
    ]


PROBLEMS = {
    "json_invalid": "is not JSON in UTF-8",
    "extra_forbidden": "is not a known field",
    "string_type": "must be a text",
    "dict_type": "must be an object",
    "uuid_parsing": "is not a UUID",
}
"""Our words for pydantic's, where its own say less."""


def shown(part: object) -> str:
    """A key of what was submitted, for a message."""
    # A key that does not look like a field's name may be somebody's identifier in the wrong place.
    text = str(part)
    if isinstance(part, int):  # a place in a list
        return text
    return text if re.fullmatch(r"[a-z][a-z_0-9]{0,30}", text) and not re.search(r"[0-9]{4}", text) else "(a key)"
