"""Resident memory of processes, in MB."""

from collections.abc import Sequence
from threading import Event, Thread
from typing import Self

import psutil

SAMPLE_S = 0.05


def largest_mb(processes: Sequence[psutil.Process]) -> float:
    """The largest of these processes, now."""
    return float(max(process.memory_info().rss for process in processes) / 2**20)


class Peak:
    """This process's peak while entered, sampled 20 times a second."""

    def __init__(self) -> None:
        self.mb = 0.0
        self._over = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        this = [psutil.Process()]
        while True:
            self.mb = max(self.mb, largest_mb(this))
            if self._over.wait(SAMPLE_S):
                return
