"""Threads for a web process's work in the ledger, with a limit on running and on waiting work."""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ledger.failures import as_ledger_errors

T = TypeVar("T")


class BusyError(Exception):
    """The queue is full, and nothing was begun. Ask again in a second or two."""


class Pool:
    """Back-pressure: `at_once` pieces of work run, `waiting` more queue for a thread, and the rest is refused at once.
    So what is accepted is answered soon, even if intake is faster than PostgreSQL. `share`: how many of all places one
    principal may have."""

    def __init__(self, name: str, at_once: int, waiting: int, share: int | None = None) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix=name)
        self._most = at_once + waiting
        self._share = share or self._most
        self._inside = 0
        self._inside_for: Counter[str] = Counter()

    async def run(self, work: Callable[[], T], *, who: str = "") -> T:
        """Run it in a thread. Raises BusyError, ledger.failures.LedgerError, and whatever the work raises."""
        if self._inside >= self._most or self._inside_for[who] >= self._share:
            raise BusyError
        self._inside += 1
        self._inside_for[who] += 1
        running = asyncio.get_running_loop().run_in_executor(self._threads, _with_ledger_errors, work)
        # When the thread is free again, not when the caller stops waiting, which may be earlier.
        running.add_done_callback(lambda _: self._leave(who))
        return await running

    def _leave(self, who: str) -> None:
        self._inside -= 1
        self._inside_for[who] -= 1
        if not self._inside_for[who]:
            del self._inside_for[who]

    def close(self) -> None:
        """Let running work end, and begin nothing more."""
        self._threads.shutdown(cancel_futures=True)


def _with_ledger_errors(work: Callable[[], T]) -> T:
    with as_ledger_errors():
        return work()
