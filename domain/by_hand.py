"""Recipients without an API: a person asks them, and notes that it is done."""

from datetime import datetime, timedelta
from typing import NamedTuple


class ByHand(NamedTuple):
    """What is known of such a recipient. The ledger keeps it, so that every process knows it."""

    title: str
    found_by: tuple[str, ...]
    """The fields of a person of which one is enough for the recipient to find them; the first ones tell most."""
    due_days: float
    """So long after a request was received the recipient is to have done it."""
    holds: str = ""
    """What the recipient has of people, in a few words."""
    does: str = ""
    """What it does with a request, in a few words."""

    def due(self, received_at: datetime, due_at: datetime) -> datetime:
        """When a task is due: so long after receipt, and never after the request itself."""
        return min(received_at + timedelta(days=self.due_days), due_at)
