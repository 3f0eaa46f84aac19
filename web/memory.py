"""Gives memory back: otherwise malloc would keep what a large body took, as long as the process lives."""

import asyncio
import ctypes
import sys
from collections.abc import Callable

LARGE_BYTES = 1_000_000
AFTER_S = 1.0
"""The delay, so that a series of large bodies is followed by one trim."""


def _trimmer() -> Callable[[], object]:
    if sys.platform != "linux":
        return lambda: None
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl does not need it
    return (lambda: trim(0)) if trim is not None else lambda: None


_trim = _trimmer()


class GivesBack:
    """For one event loop: trims a second after the last large body."""

    def __init__(self) -> None:
        self._due: asyncio.TimerHandle | None = None

    def note(self, size: int) -> None:
        """A body of so many bytes is finished."""
        if size < LARGE_BYTES:
            return
        if self._due is not None:
            self._due.cancel()
        self._due = asyncio.get_running_loop().call_later(AFTER_S, self._now)

    def _now(self) -> None:
        self._due = None
        asyncio.get_running_loop().run_in_executor(None, _trim)
