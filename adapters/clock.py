"""A clock that goes on while this process is frozen and while the machine sleeps. It tells how long, not when."""

import sys
import time

# `time.monotonic` leaves out the time for which a machine was suspended: afterwards a lease and a permit would seem to
# hold. Linux counts it in CLOCK_BOOTTIME (clock_gettime(2)), macOS in its CLOCK_MONOTONIC.
_CLOCK = time.CLOCK_BOOTTIME if sys.platform == "linux" else time.CLOCK_MONOTONIC
_BEFORE = time.clock_gettime(_CLOCK) - time.monotonic()


def monotonic() -> float:
    """`time.monotonic`, and for how long the machine has been suspended since this process began."""
    return time.clock_gettime(_CLOCK) - _BEFORE
