"""A request: its kind and the people it concerns, validated."""

from datetime import datetime
from typing import Annotated, NotRequired

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    JsonValue,
    StrictInt,
    StringConstraints,
    TypeAdapter,
    ValidationInfo,
    WithJsonSchema,
    with_config,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from domain import emails, phones
from domain.damaged import damage_of
from domain.invisible import CONTROL, invisible_in
from domain.kinds import Kind as Kind  # noqa: PLC0414 - it stood here, and adapters of others import it from here
from domain.moments import GivenDayOrMoment
from domain.nobody import is_nobody, is_nobodys_email, is_nobodys_phone
from domain.noticed import Noticed

PLACEHOLDER = "is a placeholder, not an identifier"


def refuse_control_characters(text: str) -> str:
    """Return `text`; raise PydanticCustomError where it has a control character or is blank."""
    if CONTROL.search(text):
        raise PydanticCustomError("control_character", "has a NUL or control character: take it out")
    if not text.strip():
        raise PydanticCustomError("blank", "is blank: give it, or leave it out")
    return text


def check_identifier(text: str, info: ValidationInfo) -> str:
    """Return `text`; raise PydanticCustomError of one of the DOUBTS (domain.noticed), unless the context allows it."""
    refuse_nobody(text, info)
    refuse_unseen(text, info)
    damage = damage_of(text) if _doubts(info, "damaged") else None
    if damage:
        raise PydanticCustomError("damaged", "{damage}; give it as it was before", {"damage": damage})
    return text


def refuse_nobody(text: str, info: ValidationInfo) -> str:
    """Return `text`; raise PydanticCustomError where it is a placeholder for nobody."""
    if _doubts(info, "placeholder") and is_nobody(text):
        raise PydanticCustomError("placeholder", PLACEHOLDER)
    return text


def refuse_unseen(text: str, info: ValidationInfo) -> str:
    """Return `text`; raise PydanticCustomError where it has an invisible character, or a space at its beginning or
    end."""
    found = _unseen(text)
    if found and _doubts(info, found.type):
        raise found
    return text


def _unseen(text: str) -> PydanticCustomError | None:
    unseen = invisible_in(text)
    if unseen:
        problem = "has an invisible character ({unseen}): take it out"
        return PydanticCustomError("invisible_character", problem, {"unseen": unseen})
    if "\ufffd" in text:
        return PydanticCustomError("damaged", "has lost a letter (U+FFFD): give it in UTF-8, as it was before")
    if text[:1] == " " or text[-1:] == " ":
        return PydanticCustomError("space_at_an_end", "has a space at its beginning or end: take it out")
    return None


def check_email(text: str, info: ValidationInfo) -> str:
    """Return `text`; raise PydanticCustomError where it is not an e-mail address, or is a placeholder."""
    problem = emails.email_fault(text)
    if problem:
        unseen = _unseen(text)
        raise PydanticCustomError("email", "{problem}", {"problem": unseen.message() if unseen else problem})
    refuse_unseen(text, info)
    if _doubts(info, "placeholder") and is_nobodys_email(text):
        raise PydanticCustomError("placeholder", PLACEHOLDER)
    return text


def check_phone(text: str, info: ValidationInfo) -> str:
    """Return `text`; raise PydanticCustomError where it is not a possible phone number in E.164 form (`+821012345678`),
    or is a placeholder."""
    if not phones.E164.fullmatch(text):
        unseen = _unseen(text)
        problem = SEVERAL_PHONES if phones.are_several(text) else NO_PHONE
        raise PydanticCustomError("phone", "{problem}", {"problem": unseen.message() if unseen else problem})
    odd = phones.may_be_odd(text[: phones.START])  # hardly any is, and the answer is cached
    if odd and not phones.is_e164(text):
        raise PydanticCustomError("phone", _TRUNK_PREFIX)
    if not phones.is_possible(text[:4], len(text)):
        raise PydanticCustomError("phone", NO_PHONE)
    if odd and _doubts(info, "placeholder") and is_nobodys_phone(text):
        raise PydanticCustomError("placeholder", PLACEHOLDER)
    return text


NO_PHONE = "is not a phone number in E.164 form: give it with its country code, such as +821012345678"
SEVERAL_PHONES = "holds more than one number: give each of them a line"
_TRUNK_PREFIX = (
    "is not in E.164 form: after the country code stands a prefix (often 0) that is dialled within the country only; "
    "take it out"
)


def _check_number(number: int | str, info: ValidationInfo) -> int | str:
    if int(number) < 0:
        raise PydanticCustomError("number", "is no number of a person: give the one that the vendor has for them")
    check_identifier(str(number), info)
    return number


def _doubts(info: ValidationInfo, kind: str) -> bool:
    return not isinstance(info.context, Noticed) or info.context.doubts(kind)


def _nothing_for_blank(given: object, info: ValidationInfo) -> object:
    """Where the context collects them, note a blank text and drop it: beside another identifier it says nothing."""
    if isinstance(given, str) and isinstance(info.context, Noticed) and not given.strip():
        info.context.leave_aside(str(info.field_name))
        return None
    return given


Text = Annotated[str, StringConstraints(strict=True, max_length=512), AfterValidator(refuse_control_characters)]
"""Any short text of one line."""
Identifier = Annotated[Text, AfterValidator(check_identifier)]
"""A system's id of a person: 1 to 512 visible characters, as that system has it, and no placeholder."""
Email = Annotated[
    str,
    StringConstraints(strict=True, max_length=emails.LONGEST),
    AfterValidator(check_email),
    AfterValidator(refuse_control_characters),
]
Phone = Annotated[
    str,
    StringConstraints(strict=True),
    AfterValidator(check_phone),  # bounds the length too, and has better words for what is too long
    WithJsonSchema({"type": "string", "maxLength": phones.LONGEST}),
]
Number = Annotated[
    StrictInt | Annotated[str, StringConstraints(strict=True, pattern=r"^[1-9][0-9]{0,18}$")],
    AfterValidator(_check_number),
]
"""A system's number for a person, a JSON number or a text."""
Secret = Annotated[
    str,
    StringConstraints(strict=True, max_length=4096),
    AfterValidator(refuse_control_characters),
    AfterValidator(refuse_unseen),
]
"""A session or token that came with a person."""
Session = Annotated[Secret, AfterValidator(refuse_nobody)]
"""A session that identifies a person, and no placeholder."""
LEFT_ASIDE = BeforeValidator(_nothing_for_blank)


@with_config(ConfigDict(extra="forbid"))
class Subject(TypedDict):
    """A data subject: one person, by their identifiers. `vendors` holds identifiers that only one vendor knows.

    `asked_at` is no identifier and is not stored with the person: the request takes the earliest.
    """

    user_id: NotRequired[Annotated[Identifier | None, LEFT_ASIDE]]
    email: NotRequired[Annotated[Email | None, LEFT_ASIDE]]
    phone_number: NotRequired[Annotated[Phone | None, LEFT_ASIDE]]
    vendors: NotRequired[dict[str, dict[str, JsonValue]] | None]
    asked_at: NotRequired[Annotated[GivenDayOrMoment | None, LEFT_ASIDE]]


SUBJECT: TypeAdapter[Subject] = TypeAdapter(Subject)
"""Validates one person from JSON or a mapping; raises pydantic.ValidationError."""


def is_identified(subject: Subject) -> bool:
    """Whether at least one identifier is given, our own or a vendor's."""
    return any(map(_says_something, subject.values()))


def _says_something(value: object) -> bool:
    if isinstance(value, datetime):  # a date, not an identifier
        return False
    return any(map(_says_something, value.values())) if isinstance(value, dict) else bool(value)
