"""A test message to one of the operator's receivers."""

from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4

from adapters.callbacks import Letter, Receiver, SendResult
from adapters.standard_webhooks import format_test


class Sends(Protocol):
    """Sends one letter, once."""

    async def tell(self, address: str, letter: Letter) -> SendResult:
        """The result; never raises for what the receiver does."""


async def send_test(callbacks: Sends, receiver: Receiver) -> SendResult:
    """Send a signed test message at once, and once: it is in no queue, and is not repeated."""
    return await callbacks.tell(receiver.url, format_test(uuid4(), receiver.secrets, datetime.now(UTC)))
