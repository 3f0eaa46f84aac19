"""Tests that are run every few minutes start no process: one costs them more than a hundred tests that start none."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

STARTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn"}
"""The audit events of Python that tell of a new process."""
REAPER = "tests.reaper"
"""What waits beside each run, whichever test is first."""
_banned: list[str] = []


@contextmanager
def no_processes(test: str) -> Iterator[None]:
    """Raise a RuntimeError where a process is started meanwhile."""
    _watch()
    _banned.append(test)
    try:
        yield
    finally:
        _banned.remove(test)


@cache
def _watch() -> None:
    sys.addaudithook(_refuse)  # it stays until the end of this process


def _refuse(event: str, args: tuple[object, ...]) -> None:
    if event in STARTS and _banned and REAPER not in str(args):
        raise RuntimeError(f"{_banned[-1]} starts a process: it belongs in tests/processes")
