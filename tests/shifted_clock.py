"""Hosts whose clock is wrong: `python -m tests.shifted_clock SECONDS CELERY-ARGUMENTS…` runs Celery on one, and `host`
makes one of this process."""

import sys
import time
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from celery import Celery
from celery.__main__ import main

if TYPE_CHECKING:
    import pytest


OURS = ("adapters", "cli", "config", "domain", "evidence", "intake", "ledger", "tasks", "web", "worker")


class _Dates(type):
    def __instancecheck__(cls, one: object) -> bool:
        return isinstance(one, datetime)


def host(monkeypatch: "pytest.MonkeyPatch", ahead: timedelta) -> None:
    """Have all our modules read a clock that is so far ahead of PostgreSQL's."""

    class Wrong(datetime, metaclass=_Dates):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + ahead

    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in OURS and getattr(module, "datetime", None) is datetime:
            monkeypatch.setattr(module, "datetime", Wrong)


def shift(seconds: float) -> None:
    """Have Celery's clock, and everybody's seconds since 1970, be so many seconds fast (below nought: slow)."""
    right, right_now = time.time, Celery.now

    def now(app: Celery) -> datetime:
        return right_now(app) + timedelta(seconds=seconds)

    time.time = lambda: right() + seconds
    Celery.now = now


if __name__ == "__main__":
    shift(float(sys.argv[1]))
    sys.argv = ["celery", *sys.argv[2:]]
    main()
