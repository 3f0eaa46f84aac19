"""What each sealed value is bound to: opened for another request, person or vendor, it does not open."""

from collections.abc import Iterable
from uuid import UUID


def key_context(public_id: UUID) -> bytes:
    """What a request's wrapped data key is bound to."""
    return b"data-key:" + public_id.bytes


def options_context(public_id: UUID) -> bytes:
    """What a request's sealed options are bound to."""
    return b"options:" + public_id.bytes


def subject_context(request_id: int, line: int) -> bytes:
    """What a sealed person is bound to."""
    return subject_contexts(request_id, (line,))[0]


def subject_contexts(request_id: int, lines: Iterable[int]) -> list[bytes]:
    """The same of people on these lines, in order: COPY seals very many."""
    return [b"subject:%d:%d" % (request_id, line) for line in lines]


def session_context(request_id: int, line: int, vendor_id: int) -> bytes:
    """What a sealed session is bound to."""
    return b"session:%d:%d:%d" % (request_id, line, vendor_id)
