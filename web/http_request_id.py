"""A name for every HTTP request, in its answer, its log line and its problem: by it we find what a client tells of."""

import re
from contextvars import ContextVar
from random import getrandbits

HEADER = b"x-request-id"
_HARMLESS = re.compile(rb"(?=[0-9_-]*[A-Za-z])[\w-]{1,64}", re.ASCII)
"""A token with a letter in it: no address, no phone number, and nothing that ends a line of a log."""

_current: ContextVar[str] = ContextVar("request_id")


def begin(given: bytes | None) -> str:
    """The name of the request that this task serves from now on: the client's own, where it is harmless."""
    name = given.decode() if given is not None and _HARMLESS.fullmatch(given) else _new()
    _current.set(name)
    return name


def current() -> str:
    """The name of the request that is served; a new one where there is none, as for what is no HTTP."""
    try:
        return _current.get()
    except LookupError:
        return _new()


def _new() -> str:
    # Not of the system's randomness: it need not be hard to guess, and the event loop would give way to other threads
    # at each call of the system.
    return f"{getrandbits(128):032x}"
