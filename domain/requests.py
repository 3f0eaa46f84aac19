"""What a producer asks for: the kind of request and the people it concerns, validated."""

import re
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, NotRequired

import phonenumbers
from pydantic import AfterValidator, ConfigDict, JsonValue, StringConstraints, TypeAdapter, with_config
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from domain.folding import fold_email as fold_email  # noqa: PLC0414 - offered here too
from domain.moments import GivenMoment


class Kind(StrEnum):
    """What is to happen to a person at every vendor."""

    ERASURE = "erasure"  # forget the person, and stop
    OPT_OUT = "opt_out"  # withdrawal of consent: stop contacting and profiling
    OPT_IN = "opt_in"  # consent given


PLACEHOLDERS = frozenset({"undefined", "null", "anonymous", "0", "1"})
"""Values that broken producers send for "nobody"; acting on one would hit an unknown crowd (Insider's public pages)."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@.]+")
E164 = re.compile(r"\+[1-9][0-9]{4,14}")


def refuse_control_characters(text: str) -> str:
    """Return `text`; raise PydanticCustomError where it has a control character or is blank."""
    if CONTROL.search(text):
        raise PydanticCustomError("control_character", "has a NUL or control character")
    if not text.strip():
        raise PydanticCustomError("blank", "is blank")
    return text


def refuse_placeholder(text: str) -> str:
    """Return `text`; raise PydanticCustomError where it stands for nobody (see PLACEHOLDERS)."""
    if text.strip().casefold() in PLACEHOLDERS:
        raise PydanticCustomError("placeholder", "is a placeholder, not an identifier")
    return text


def check_email(text: str) -> str:
    """Return `text`; raise PydanticCustomError where it is not shaped like an e-mail address."""
    if not EMAIL.fullmatch(text):
        raise PydanticCustomError("email", "is not an e-mail address")
    return text


def check_phone(text: str) -> str:
    """Return `text`; raise PydanticCustomError where it is not a possible phone number in E.164 form (`+821012345678`).

    Possible, not assigned: the numbering plans in any library are older than the newest numbers, and refusing a
    person's erasure because of an old table would be worse than sending it.
    """
    if not E164.fullmatch(text) or not is_possible(text[:4], len(text)):
        raise PydanticCustomError("phone", "is not a phone number in E.164 form, such as +821012345678")
    return text


@lru_cache(maxsize=16_384)  # there are fewer than 10,000 of these
def is_possible(start: str, length: int) -> bool:
    """Whether a number in E.164 form that begins with these four characters (`+` and three digits, as long as a calling
    code can be) is a possible one with `length` characters."""
    # What is possible depends only on calling code and length, so a million numbers cost a few hundred look-ups.
    for digits in (1, 2, 3):  # no calling code is the beginning of another one
        code, rest = int(start[1 : 1 + digits]), length - 1 - digits
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            number = phonenumbers.PhoneNumber(country_code=code, national_number=10 ** (rest - 1))
            verdict = phonenumbers.is_possible_number_with_reason(number)
            return bool(verdict == phonenumbers.ValidationResult.IS_POSSIBLE)
    return False


Text = Annotated[str, StringConstraints(strict=True, max_length=512), AfterValidator(refuse_control_characters)]
"""Any short text of one line."""
Identifier = Annotated[Text, AfterValidator(refuse_placeholder)]
"""What a system calls a person: 1 to 512 characters, no control characters, no placeholder."""
Email = Annotated[
    str,
    StringConstraints(strict=True, max_length=320),
    AfterValidator(check_email),
    AfterValidator(refuse_control_characters),
]
Phone = Annotated[str, StringConstraints(strict=True, max_length=16), AfterValidator(check_phone)]
Secret = Annotated[str, StringConstraints(strict=True, max_length=4096), AfterValidator(refuse_control_characters)]
"""A session or token that came with a person's request."""


@with_config(ConfigDict(extra="forbid"))
class Subject(TypedDict):
    """A data subject: one person, by their identifiers. `vendors` holds what only one vendor knows them by.

    `asked_at` is no identifier and is not kept with the person: the earliest of a request is when it was asked.
    """

    user_id: NotRequired[Identifier | None]
    email: NotRequired[Email | None]
    phone_number: NotRequired[Phone | None]
    vendors: NotRequired[dict[str, dict[str, JsonValue]] | None]
    asked_at: NotRequired[GivenMoment | None]


SUBJECT: TypeAdapter[Subject] = TypeAdapter(Subject)
"""Reads one person from JSON or from a mapping; raises pydantic.ValidationError."""


def is_identified(subject: Subject) -> bool:
    """Whether at least one identifier is given, our own or a vendor's."""
    return any(map(_says_something, subject.values()))


def _says_something(value: object) -> bool:
    if isinstance(value, datetime):  # when, not who
        return False
    return any(map(_says_something, value.values())) if isinstance(value, dict) else bool(value)
