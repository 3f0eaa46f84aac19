"""Runs Celery on a host whose clock is wrong: `python -m tests.shifted_clock SECONDS CELERY-ARGUMENTS…`."""

import sys
import time
from datetime import datetime, timedelta

from celery import Celery
from celery.__main__ import main


def shift(seconds: float) -> None:
    """Have Celery's clock, and everybody's seconds since 1970, be so many seconds fast (below nought: slow)."""
    right, right_now = time.time, Celery.now

    def now(app: Celery) -> datetime:
        return right_now(app) + timedelta(seconds=seconds)  # type: ignore[no-any-return]

    time.time = lambda: right() + seconds
    Celery.now = now


if __name__ == "__main__":
    shift(float(sys.argv[1]))
    sys.argv = ["celery", *sys.argv[2:]]
    main()
