"""What a worker sends to others through Redis: chunks to their vendors' queues, and wake-ups."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from celery import Celery
from kombu.exceptions import OperationalError

from ledger.delivery.claiming import Claimed
from tasks import sending
from tasks.queues import DELIVER, DISPATCH, NOTIFY, BrokerError, WakeUp, queue_of
from worker import shown

WAKE_EVERY_S = 0.5


@dataclass
class Messages:
    """Sends by this app."""

    app: Celery
    _woken_at: float = 0.0

    def deliver(self, vendor: str, chunks: Sequence[Claimed]) -> None:
        """Send a message for each chunk to the vendor's queue. Raises BrokerError."""
        try:
            with self.app.producer_pool.acquire(block=True) as producer:
                for chunk in chunks:
                    self.app.send_task(
                        DELIVER,
                        args=[chunk.chunk_id],
                        queue=queue_of(vendor),
                        producer=producer,
                        ignore_result=True,
                        headers=shown.headers_of(chunk),
                    )
        except (OperationalError, AttributeError):
            # kombu raises this when Redis dies at the wrong moment: its own connection is missing then.
            raise BrokerError from None

    def send(self, *wake_ups: WakeUp) -> None:
        """Send these wake-ups. Raises BrokerError."""
        sending.send(self.app, wake_ups)

    def wake(self, vendors: Sequence[str]) -> None:
        """Have somebody look for due chunks of these vendors."""
        self._try(*(WakeUp(DISPATCH, vendor) for vendor in vendors))

    def wake_courier(self) -> None:
        """Say that there may be notices to send."""
        if time.monotonic() - self._woken_at < WAKE_EVERY_S:
            return  # many requests may close at once, and one call notifies of all
        self._woken_at = time.monotonic()
        self._try(WakeUp(NOTIFY))

    def _try(self, *wake_ups: WakeUp) -> None:
        try:
            self.send(*wake_ups)
        except BrokerError:
            return  # the workers look every second anyway
