"""Log format: one line an event on standard error, never with a task's arguments."""

import logging
import sys
from types import TracebackType

from config.uncaught import log_what_nobody_caught
from domain.unexpected import type_and_place

NOISY = (
    "alembic",
    "kombu",
    "amqp",
    "aiohttp",
    "asyncio",
    "celery.redirected",
    "celery.worker.strategy",
    "celery.app.trace",
)
"""Libraries that log every message. Their warnings are still logged."""


DISCARDING = ("celery.worker.consumer.consumer", "kombu.transport.redis")
"""Loggers that quote an unreadable message or event, which may contain people."""
QUOTING = ("message body", "Cannot process event")
"""In what they log then."""


def without_bodies(record: logging.LogRecord) -> bool:
    """Remove what Celery quotes of a message from a log record."""
    if any(words in str(record.msg) for words in QUOTING):
        record.msg = "a message that is no task of ours was discarded; nothing of it is shown"
        record.args, record.exc_info, record.exc_text = (), None, None
    return True


Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class PlainFormatter(logging.Formatter):
    """Formats an exception by its type and place: its text may quote a person, and so may its cause's and the lines of
    a trace."""

    def formatException(self, ei: Raised) -> str:  # noqa: N802 - the standard library's name
        """Such as `IntegrityError (UniqueViolation) at ledger/requests/small_requests.py:71`."""
        return "" if ei[1] is None else type_and_place(ei[1])


def set_up_logging(level: str) -> None:
    """Log to standard error from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainFormatter("%(asctime)s %(levelname)s %(process)d %(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in DISCARDING:
        logging.getLogger(name).addFilter(without_bodies)
    log_what_nobody_caught()
    for name in NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
