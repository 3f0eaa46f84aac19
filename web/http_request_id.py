"""An id for every HTTP request, in its answer, its log line and its problem, by which a client's report can be
found."""

import re
from contextvars import ContextVar
from random import getrandbits

HEADER = b"x-request-id"
_HARMLESS = re.compile(rb"(?=[0-9_-]*[A-Za-z])[\w-]{1,64}", re.ASCII)
"""A token with a letter in it: no address, no phone number, and no line break for a log."""

_current: ContextVar[str] = ContextVar("request_id")


def begin(given: bytes | None) -> str:
    """The id of the request that this task serves from now on: the client's own, where it is harmless."""
    name = given.decode() if given is not None and _HARMLESS.fullmatch(given) else _new()
    _current.set(name)
    return name


def current() -> str:
    """The id of the present request; a new one where there is none, as for malformed HTTP."""
    try:
        return _current.get()
    except LookupError:
        return _new()


def _new() -> str:
    # Not from the system's randomness: it need not be hard to guess, and each such call would let other threads
    # interrupt the event loop.
    return f"{getrandbits(128):032x}"
