"""Logs exceptions that nobody caught, in a process, a thread or an asyncio task, by their type and place. Python would
print all of their text, which may quote a person."""

import asyncio
import logging
import sys
import threading
from types import TracebackType
from typing import Any

from domain.unexpected import type_and_place

log = logging.getLogger(__name__)


def log_what_nobody_caught() -> None:
    """From now on, in this process."""
    sys.excepthook, threading.excepthook, sys.unraisablehook = _of_process, _of_thread, _unraisable
    logging.getLogger(asyncio.__name__).addFilter(_without_what_failed)


def _of_process(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    if not isinstance(error, KeyboardInterrupt):
        log.critical("this process ends: %s", type_and_place(error))


def _of_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None and not isinstance(ended.exc_value, SystemExit):
        log.critical("the thread %s has ended: %s", ended.thread and ended.thread.name, type_and_place(ended.exc_value))


def _unraisable(found: Any) -> None:  # its type is known to type checkers only
    if found.exc_value is not None:
        log.error("what cannot be raised where it happened: %s", type_and_place(found.exc_value))


def _without_what_failed(record: logging.LogRecord) -> bool:
    """Leave asyncio's first line. The others show the task or future with its exception, which follows by itself."""
    record.msg, _, _ = record.getMessage().partition("\n")
    record.args = ()
    return True
