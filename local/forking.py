"""Starts `python -m …` by forking this process, so that loaded modules are shared by all.

On Linux only: other systems' libraries do not allow it. The new process looks like one started by exec: a session of
its own, its own environment and signals, and no open file but its log.
"""

import ctypes
import multiprocessing
import os
import runpy
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkProcess
from pathlib import Path

MODULE_AT = 2
ARENAS = -8, 2
"""glibc's M_ARENA_MAX: with an arena for each of a worker's threads, malloc keeps tens of MB."""
THE_TWO = {signal.SIGTERM, signal.SIGINT}


class Forked:
    """A forked process, with the part of `subprocess.Popen` that a supervisor needs."""

    def __init__(self, process: ForkProcess) -> None:
        self._process = process
        self.pid = process.pid or 0

    def poll(self) -> int | None:
        """The return code (-9: SIGKILL), or None while it runs."""
        return self._process.exitcode

    def wait(self) -> int:
        """Wait for its end; returns the return code."""
        self._process.join()
        return self._process.exitcode or 0

    def terminate(self) -> None:
        """Send SIGTERM, unless it has ended."""
        self._process.terminate()


def can_fork(argv: Sequence[str]) -> bool:
    """Whether this is a Python module, and forking this process is safe: no other thread may hold a lock now."""
    is_module = list(argv[:MODULE_AT]) == [sys.executable, "-m"] and len(argv) > MODULE_AT
    return is_module and sys.platform == "linux" and threading.active_count() == 1


def fork(argv: Sequence[str], env: Mapping[str, str], log: int) -> Forked:
    """Start a module as the leader of its own session; `log` is the open file that it writes to. Raises OSError."""
    # Multiprocessing ends the child in this call, so that nothing of ours is unwound and closed twice.
    process = multiprocessing.get_context("fork").Process(target=become, args=(list(argv), dict(env), log))
    signal.pthread_sigmask(signal.SIG_BLOCK, THE_TWO)  # until the child has removed our signal handlers
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, THE_TWO)
    return Forked(process)


def become(argv: list[str], env: dict[str, str], log: int) -> None:
    """Be the process of this module, in a child that was just forked; `log` is an open file."""
    os.setsid()
    _take_over(log)
    os.environ.clear()
    os.environ.update(env)
    if (limit := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        limit(*ARENAS)
    _show_as(["python", *argv[1:]])
    _heed_signals_anew()
    sys.argv = argv[MODULE_AT:]
    runpy.run_module(argv[MODULE_AT], run_name="__main__", alter_sys=True)


def _take_over(log: int) -> None:
    """Write to the log, read nothing, and close the rest: a child must not keep our locks and sockets."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for mine, number in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(mine, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - it stays open
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115 - it stays open
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115 - it stays open


def _heed_signals_anew() -> None:
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, THE_TWO)


def _show_as(words: Sequence[str]) -> None:
    """Replace our command line, as `ps` shows it, with as many of these words as fit."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])  # arg_start and arg_end, see proc(5)
    if (room := end - start) > 0:
        shown = "\0".join(words).encode()[: room - 1]
        ctypes.memmove(start, shown.ljust(room, b"\0"), room)
