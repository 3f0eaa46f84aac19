"""Where a page of a list ends, as the next one is asked for: an opaque text."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from datetime import datetime
from typing import TypeVar

from pydantic import PositiveInt, TypeAdapter, ValidationError
from pydantic_core import to_json

from domain.moments import Moment
from web.problems import Problem

T = TypeVar("T")
LONGEST = 400
REQUESTS: TypeAdapter[tuple[datetime, PositiveInt]] = TypeAdapter(tuple[Moment, PositiveInt])
"""The place of a request in a list of them: when it was received, and its number."""


def cursor_at(place: object) -> str:
    """The text of a place."""
    return urlsafe_b64encode(to_json(place)).decode().rstrip("=")


def read_cursor(cursor: str, shape: TypeAdapter[T]) -> T:
    """The place of a text. Raises Problem."""
    try:
        return shape.validate_json(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValidationError, Base64Error, ValueError):
        raise Problem(400, "bad-cursor", "give `next` of the page before as it is") from None
