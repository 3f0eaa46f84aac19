"""A clock that runs while this process is frozen and while the machine sleeps. It measures time spans."""

import sys
import time

# `time.monotonic` leaves out the time in which a machine was suspended: afterwards a lease and a permit would seem
# valid. Linux counts it in CLOCK_BOOTTIME (clock_gettime(2)), macOS in its CLOCK_MONOTONIC.
_CLOCK = time.CLOCK_BOOTTIME if sys.platform == "linux" else time.CLOCK_MONOTONIC
_BEFORE = time.clock_gettime(_CLOCK) - time.monotonic()


def monotonic() -> float:
    """`time.monotonic` plus the time that the machine was suspended since this process began."""
    return time.clock_gettime(_CLOCK) - _BEFORE
