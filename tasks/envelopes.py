"""Reads what lies in a queue: a message of Celery's protocol 2 in JSON, or unusable for a stated reason.

Anyone who can write to a queue can write anything to it. So nothing is decoded before its size is known, nothing is
decompressed, only what our own tasks need is read, and no reason quotes a message.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import from_json

from tasks.bounded_answers import TOO_LARGE

MOST_PARTS = 10_000
"""Limit on lists, objects and members of an envelope together. An empty list takes two bytes, and sixty once
decoded."""


class UnusableError(Exception):
    """An item of a queue is no message for us. The message is a fixed reason; `message_id` where one can be read."""

    def __init__(self, why: str, message_id: UUID | None = None) -> None:
        super().__init__(why)
        self.message_id = message_id


class Envelope(NamedTuple):
    """A task to run, with its arguments."""

    task: str
    id: UUID
    args: list[Any]
    kwargs: dict[str, Any]
    headers: Mapping[str, Any]
    """The sender's other headers, unchecked."""

    def __repr__(self) -> str:
        return f"Envelope({self.id})"


def checked(raw: bytes, most_bytes: int) -> dict[str, Any]:
    """A message as kombu stores it, with parts of the right types and its body undecoded. Raises UnusableError."""
    if raw == TOO_LARGE:
        raise UnusableError("too large to be read")
    if len(raw) > most_bytes:
        raise UnusableError(f"larger than {most_bytes:,} bytes")
    message = _parsed(raw, "it")
    if not isinstance(message, dict):
        raise UnusableError("no message: not a JSON object")
    headers, properties = message.get("headers"), message.get("properties")
    if not isinstance(headers, dict):
        raise UnusableError("no message: it has no headers")
    message_id = _uuid(headers.get("id"))
    if headers.get("compression"):
        raise UnusableError("compressed", message_id)
    if not isinstance(properties, dict) or not isinstance(properties.get("delivery_info"), dict):
        raise UnusableError("no message: it has no delivery_info among its properties", message_id)
    if not isinstance(properties.get("delivery_tag"), str):
        raise UnusableError("no message: it has no delivery_tag among its properties", message_id)
    if message.get("content-type") != "application/json" or _encoding(message.get("content-encoding")) != "utf8":
        raise UnusableError("its content is not declared as JSON in UTF-8", message_id)
    if not isinstance(message.get("body"), str):
        raise UnusableError("it has no body", message_id)
    return message


def body_of(message: Mapping[str, Any], most_parts: int = MOST_PARTS) -> Any:
    """The decoded body of a message that `checked` accepted. Raises UnusableError."""
    message_id = _uuid(message["headers"].get("id"))
    encoding, text = message["properties"].get("body_encoding"), message["body"]
    try:
        match _encoding(encoding):
            case "base64":
                raw = b64decode(text, validate=True)
            case "utf8" | None:
                raw = text.encode()
            case _:
                raise UnusableError("its body is not in base64", message_id)
    except (Base64Error, ValueError):  # also text that is not UTF-8
        raise UnusableError("its body is not base64", message_id) from None
    return _parsed(raw, "its body", message_id, most_parts)


def read(raw: bytes, most_bytes: int) -> Envelope:
    """The task that a message asks for. A message that asks for anything besides is unusable. Raises UnusableError."""
    message = checked(raw, most_bytes)
    headers = message["headers"]
    message_id = _uuid(headers.get("id"))
    if message_id is None:
        raise UnusableError("its id is no UUID")
    task = headers.get("task")
    if not isinstance(task, str):
        raise UnusableError("it names no task", message_id)
    body = body_of(message)
    if not (isinstance(body, list) and len(body) == 3):
        raise UnusableError("its body is not [args, kwargs, embed]", message_id)
    args, kwargs, embed = body
    if not (isinstance(args, list) and isinstance(kwargs, dict)):
        raise UnusableError("its body is not [args, kwargs, embed]", message_id)
    if embed is not None and not (isinstance(embed, dict) and not any(embed.values())):
        raise UnusableError("it brings other tasks along", message_id)
    return Envelope(task, message_id, args, kwargs, headers)


def _parsed(raw: bytes, what: str, message_id: UUID | None = None, most_parts: int = MOST_PARTS) -> Any:
    if sum(map(raw.count, (b"[", b"{", b","))) > most_parts:
        raise UnusableError(f"{what} has more than {most_parts:,} parts", message_id)
    try:
        return from_json(raw)
    except ValueError:
        raise UnusableError(f"{what} is not JSON", message_id) from None


def _encoding(name: object) -> str | None:
    return name.lower().replace("-", "") if isinstance(name, str) else None


def _uuid(text: object) -> UUID | None:
    """Parse a UUID in the one form that Celery writes: `UUID` also accepts braces and line breaks."""
    if not isinstance(text, str) or len(text) != 36:
        return None
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None
