"""Reports refused messages: each in the audit log, and counts by reason in the log."""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from ledger.accounts import audit
from ledger.session import Engine

NOBODY = "celery"
"""The submitter, where the message cannot be opened."""
PAYLOAD = "the audit log says what is wrong with what they ask for"

log = logging.getLogger(__name__)


class Refusal(NamedTuple):
    """A message that was removed from a queue and refused. Only its id is kept, where that is a UUID."""

    queue: str
    because: str
    message_id: UUID | None = None
    by: str = NOBODY
    readable: bool = True
    """Whether it was readable to anybody who can read Redis: not sealed, or not to us."""


def record(engine: Engine, refusals: Sequence[Refusal]) -> None:
    """Write refusals into the audit log. Raises ledger.session.OperationalError."""
    if not refusals:
        return
    entries = [
        audit.Entry(
            one.by,
            one.queue,
            allowed=False,
            target=f"message {one.message_id}" if one.message_id else None,
            because=one.because,
        )
        for one in refusals
    ]
    with engine.begin() as connection:
        audit.add(connection, entries)


def tell(refusals: Sequence[Refusal]) -> None:
    """Log how many were refused in each queue, and why."""
    told = Counter((one.queue, one.because if one.readable else PAYLOAD) for one in refusals)
    for (queue, because), count in told.items():
        log.warning("%d refused of the queue %s: %s", count, queue, because)
