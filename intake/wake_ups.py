"""Wakes the workers a few times a second, from a process that takes in hundreds of requests a second."""

import logging
import threading
from collections.abc import Sequence

from tasks.queues import BrokerError
from tasks.submit import Wake

EVERY_S = 0.1
"""A message only says that there is work, so one is enough for a tenth of a second."""

log = logging.getLogger(__name__)


class WakeUps:
    """A `Wake` that never waits for Redis: a thread sends one wake-up for everything that came in meanwhile."""

    def __init__(self, send: Wake, every_s: float = EVERY_S) -> None:
        self._send, self._every_s = send, every_s
        self._vendors: set[str] = set()
        self._lock = threading.Lock()
        self._wanted, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="wake-ups", daemon=True)
        self._thread.start()

    def __call__(self, vendors: Sequence[str]) -> None:
        """Wake the workers of these vendors soon."""
        with self._lock:
            self._vendors.update(vendors)
        self._wanted.set()

    def close(self) -> None:
        """Send the rest, and end."""
        self._closing.set()
        self._wanted.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wanted.wait()
            self._wanted.clear()
            with self._lock:
                vendors, self._vendors = sorted(self._vendors), set()
            if vendors:
                self._try(vendors)
            self._closing.wait(self._every_s)

    def _try(self, vendors: Sequence[str]) -> None:
        try:
            self._send(vendors)
        except BrokerError:
            log.warning("workers cannot be woken: Redis is away; they look by themselves when it is back")
