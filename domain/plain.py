"""People as nearly all of them come: their own identifiers alone, in ASCII. Checked a block at a time, for a third of
the time.

A short cut and no second opinion: what is taken here `SUBJECT` takes just so, and whoever is not plain is for `SUBJECT`
to take or to refuse.
"""

from collections.abc import Sequence
from typing import Annotated, Any, NotRequired, cast

from pydantic import ConfigDict, FailFast, StringConstraints, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from domain.requests import Subject, is_possible
from domain.twins import may_have_twins

# Longer than any of PLACEHOLDERS, or two characters and more with a digit in the end, which none of them has.
_USER_ID = r"^(?:[!-~]{10,}|[!-~]+[0-9])$"
# requests.EMAIL and requests.E164, in ASCII and without control characters.
_EMAIL = r"^[!-?A-~]+@[!-?A-~]+\.[!-\-/-?A-~]+$"
_PHONE = r"^\+[1-9][0-9]{4,14}$"


@with_config(ConfigDict(extra="forbid"))
class _Plain(TypedDict):
    user_id: NotRequired[Annotated[str, StringConstraints(strict=True, max_length=512, pattern=_USER_ID)] | None]
    email: NotRequired[Annotated[str, StringConstraints(strict=True, max_length=320, pattern=_EMAIL)] | None]
    phone_number: NotRequired[Annotated[str, StringConstraints(strict=True, max_length=16, pattern=_PHONE)] | None]


_PEOPLE: TypeAdapter[list[_Plain]] = TypeAdapter(
    Annotated[list[_Plain], FailFast()],
    config=ConfigDict(cache_strings="keys"),  # hardly a value comes twice
)


def read_plain(lines: Sequence[bytes]) -> list[Subject] | None:
    """The people of these lines of JSON, where every line is one plain person; None where any is not.

    Lines keep their line ends; only the last may be without.
    """
    array = b"[%b]" % b",".join(lines)
    # An object a line, for certain: each line opens one, no text goes over a line's end, and a plain person holds none.
    if not array.startswith(b"[{") or array.count(b"\n,{") != len(lines) - 1:
        return None
    try:
        people = _PEOPLE.validate_json(array)
    except ValidationError:
        return None
    if len(people) != len(lines) or may_have_twins(array, sum(map(len, people))):
        return None
    return _identified(people)


def check_plain(records: Sequence[dict[str, Any]]) -> list[Subject] | None:
    """The same of mappings."""
    try:
        return _identified(_PEOPLE.validate_python(records))
    except ValidationError:
        return None


def _identified(people: list[_Plain]) -> list[Subject] | None:
    shapes = {(phone[:4], len(phone)) for person in people if (phone := person.get("phone_number"))}
    usable = all(any(person.values()) for person in people) and all(is_possible(*shape) for shape in shapes)
    return cast(list[Subject], people) if usable else None
