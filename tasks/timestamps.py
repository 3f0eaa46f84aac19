"""Has an authority stamp a checkpoint of the log, once a day."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic

from cryptography.x509 import Certificate

from adapters.timestamp_authority import AuthorityAwayError
from evidence.timestamps import TimestampError, ask_for, check
from ledger.evidence import timestamps
from ledger.session import Engine

log = logging.getLogger(__name__)

AGAIN_AFTER_S = 600.0
"""After an attempt that failed."""


@dataclass
class Stamping:
    """What getting time stamps needs."""

    ask: Callable[[bytes], bytes] = field(repr=False)
    """Sends a question and returns the answer. Raises AuthorityAwayError."""
    roots: Sequence[Certificate] = ()
    """Whom to believe; nobody: it is kept without knowing who signed it."""
    _not_before: float = 0.0


def stamp(engine: Engine, stamping: Stamping) -> bool:
    """Have the newest checkpoint stamped where that is due; whether it was. What goes wrong is logged, and tried again
    later."""
    if monotonic() < stamping._not_before:
        return False
    with engine.connect() as connection:
        due = timestamps.find_due(connection)
    if due is None:
        return False
    content = due.signed.encode()
    question = ask_for(content, datetime.now(UTC))
    try:
        answer = stamping.ask(question.raw)
        check(answer, content, stamping.roots, question)
    except (AuthorityAwayError, TimestampError) as error:
        stamping._not_before = monotonic() + AGAIN_AFTER_S
        log.warning("the evidence log has no time stamp of today: %s", error)
        return False
    with engine.begin() as connection:
        timestamps.keep(connection, due, answer)
    return True
