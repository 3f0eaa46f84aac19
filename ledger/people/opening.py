"""Opens people, a block at a time."""

from collections.abc import Sequence

from pydantic_core import from_json

from domain.requests import Subject
from ledger.contexts import subject_contexts
from ledger.sealing import SealingKey


def open_block(key: SealingKey, request_id: int, rows: Sequence[tuple[int, bytes]]) -> list[Subject]:
    """Open the people of these rows of one request (line, sealed), in order. Raises ledger.sealing.UnsealError."""
    contexts = subject_contexts(request_id, [line for line, _ in rows])
    plains = key.open_all([sealed for _, sealed in rows], contexts)
    # Each is JSON of our own making, as the seal proves, so together they form one array.
    people: list[Subject] = from_json(b"[%b]" % b",".join(plains), cache_strings="keys")
    return people
