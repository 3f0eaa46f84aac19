"""The contexts of sealed values: a value does not open for another request, person or vendor."""

from collections.abc import Iterable
from uuid import UUID


def key_context(public_id: UUID) -> bytes:
    """The context of a request's wrapped data key."""
    return b"data-key:" + public_id.bytes


def options_context(public_id: UUID) -> bytes:
    """The context of a request's sealed options."""
    return b"options:" + public_id.bytes


def subject_context(request_id: int, line: int) -> bytes:
    """The context of a sealed person."""
    return subject_contexts(request_id, (line,))[0]


def subject_contexts(request_id: int, lines: Iterable[int]) -> list[bytes]:
    """The same for people on these lines, in order: COPY seals very many."""
    return [b"subject:%d:%d" % (request_id, line) for line in lines]


def session_context(request_id: int, line: int, vendor_id: int) -> bytes:
    """The context of a sealed session."""
    return b"session:%d:%d:%d" % (request_id, line, vendor_id)


def draft_key_context(public_id: UUID) -> bytes:
    """The context of a draft's wrapped key."""
    return b"draft-key:" + public_id.bytes


def draft_state_context(public_id: UUID) -> bytes:
    """The context of what is kept of a draft besides its file."""
    return b"draft-state:" + public_id.bytes


def draft_block_context(public_id: UUID, place: int) -> bytes:
    """The context of a block of a draft's file."""
    return b"draft:%b:%d" % (public_id.bytes, place)


def reference_context(public_id: UUID) -> bytes:
    """The context of a request's sealed reference."""
    return b"reference:" + public_id.bytes
