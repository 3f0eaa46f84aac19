"""How processes log: one line an event on standard error, never with a task's arguments."""

import logging
import sys

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
"""Libraries that tell of every message; their warnings still come through."""


def set_up_logging(level: str) -> None:
    """Log to standard error from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(process)d %(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
