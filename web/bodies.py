"""Reads what a client sends: bounded in bytes and in seconds, however slowly it arrives."""

import asyncio
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

from fastapi import Request
from pydantic import TypeAdapter, ValidationError
from starlette.types import Message, Receive, Scope

from domain.json_size import refuse_crowd
from domain.twins import CrowdError, TwinsError, refuse_twins
from intake.files.faults import Fault
from intake.written_reasons import because_fault
from web.problems import NOWHERE, Problem, advised, faults_of, first

LARGEST_JSON = 8_000_000
"""Bytes: a thousand people as large as any we have seen, and far less than hurts."""
SMALL_JSON = 65_536
"""Limit in bytes of everything else, which strangers may send too."""
MOST_OBJECTS = 20_000
"""Objects in a body: twice what a thousand people are with a block for every vendor."""
MOST_VALUES = 200_000
"""Values in a body, counted before parsing: twice what a thousand people are too."""
JSON_WITHIN_S = 15.0
BETWEEN_PIECES_S = 10.0
T = TypeVar("T")


@dataclass
class Allowance:
    """The limits of one request's body: total bytes, total seconds, and seconds between two pieces."""

    most: int = LARGEST_JSON
    within_s: float = JSON_WITHIN_S
    between_s: float = BETWEEN_PIECES_S
    least_per_s: float = 0.0
    """The least speed in bytes a second, for every `between_s` that we wait for it: a slow body occupies resources, and
    a fast beginning must not allow an hour. Time in which we do not read is not counted."""
    whole: bool = False
    """It has been read to its end."""
    seen: int = 0
    """Bytes read so far."""


STATE = "body_allowance"


def allowance_of(request: Request) -> Allowance:
    """The limits of this request's body. A route that accepts more changes them before it reads."""
    allowance: Allowance = request.scope["state"][STATE]
    return allowance


def bounded(scope: Scope, receive: Receive) -> Receive:
    """A `receive` that raises Problem where the body is too large (413) or too slow (408)."""
    allowance = scope["state"][STATE] = Allowance()
    length = _length(scope)
    allowance.whole = not (length > 0 or _is_chunked(scope))
    began, floor = monotonic(), _LeastSpeed(allowance)

    async def receive_bounded() -> Message:
        if allowance.whole:  # what comes now is no part of the body: a disconnect, or nothing for a long time
            return await receive()
        if not allowance.seen and length > allowance.most:
            raise _too_large(allowance)
        asked = monotonic()
        try:
            async with asyncio.timeout(min(allowance.between_s, allowance.within_s - (asked - began))):
                message = await receive()
        except TimeoutError:
            raise _too_slow(allowance) from None
        if message["type"] == "http.request":
            size = len(message.get("body", b""))
            allowance.seen += size
            allowance.whole = not message.get("more_body", False)
            if allowance.seen > allowance.most:
                raise _too_large(allowance)
            if not allowance.whole and floor.is_missed(size, monotonic() - asked):
                raise _too_slow(allowance)
        return message

    return receive_bounded


class _LeastSpeed:
    """The least speed of one body, checked in consecutive windows."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._bytes, self._waited_s = 0, 0.0

    def is_missed(self, size: int, waited_s: float) -> bool:
        """Whether the window that ends with this piece was too slow."""
        self._bytes += size
        self._waited_s += waited_s
        if self._waited_s < self._allowance.between_s:
            return False
        missed = self._bytes < self._allowance.least_per_s * self._waited_s
        self._bytes, self._waited_s = 0, 0.0
        return missed


def _is_chunked(scope: Scope) -> bool:
    return any(name == b"transfer-encoding" for name, _ in scope["headers"])


def _length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def _too_slow(allowance: Allowance) -> Problem:
    least = f"; it must come at {allowance.least_per_s:,.0f} bytes a second or more" if allowance.least_per_s else ""
    return Problem(408, "too-slow", f"the body did not come in time{least}")


def _too_large(allowance: Allowance) -> Problem:
    return Problem(413, "too-large", f"the body is larger than {allowance.most:,} bytes")


def media_type(request: Request) -> str:
    """The content type without its parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def refuse_encoded(request: Request) -> None:
    """Raise Problem where the body is compressed: its length does not tell its decompressed size."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        message = "send the body as it is, without a Content-Encoding"
        raise Problem(415, "encoded", message, headers={"Accept-Encoding": "identity"})


async def read_nothing(request: Request) -> None:
    """Raise Problem where there is a body: its sender means something by it that we would ignore."""
    if allowance_of(request).whole:
        return
    allowance_of(request).most = SMALL_JSON
    if (await request.body()).strip() not in {b"", b"{}", b"null"}:
        raise Problem.unusable("this takes no body; nothing was done")


async def read_json(request: Request, shape: TypeAdapter[T], most: int = SMALL_JSON, *, context: object = None) -> T:
    """The JSON body of at most `most` bytes in this shape, validated strictly in this context. Raises Problem.

    The parser gives up at 200 levels of nesting, and refuses lone surrogates.
    """
    refuse_encoded(request)
    if media_type(request) != "application/json":
        raise Problem(415, "not-json", "send JSON, and say so: Content-Type: application/json")
    allowance_of(request).most = most
    body = await request.body()
    try:
        refuse_crowd(body, MOST_VALUES)
    except CrowdError:
        raise Problem.unusable(f"it holds more than {MOST_VALUES:,} values; nothing was recorded") from None
    try:
        found = shape.validate_json(body, context=context)
    except ValidationError as error:
        raise _unreadable(error) from None
    _refuse_twins(body)
    return found


def _unreadable(error: ValidationError) -> Problem:
    found: list[Any] = error.errors(include_input=False, include_url=False)
    if found[0]["type"] == "json_invalid":
        return Problem(400, "not-json", "the body is not JSON in UTF-8, or is nested too deeply: send one JSON object")
    kept, total = first(faults_of(found))
    return Problem.unusable(advised("some of it cannot be taken; nothing was recorded", kept), kept, total)


def _refuse_twins(body: bytes) -> None:
    try:
        refuse_twins(body, MOST_OBJECTS)
    except TwinsError:
        raise Problem.unusable("an object in it has a key twice: give it once; nothing was recorded") from None
    except CrowdError:
        raise Problem.unusable(f"it holds more than {MOST_OBJECTS:,} objects; nothing was recorded") from None


def kept_reason(given: str) -> str:
    """Check a reason, which is kept for good. Raises Problem where it cannot be."""
    because = given.strip()
    problem = because_fault(because)
    if problem:
        raise Problem.unusable("this is no reason that could be kept for good", [fault("because", problem)])
    return because


def fault(field: str, problem: str) -> Fault:
    """One fault of a JSON body or a parameter."""
    return Fault(NOWHERE, field, problem)
