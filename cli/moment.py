"""A request at one moment, as it is followed."""

from typing import NamedTuple

from domain.counted import counted
from ledger.desk.status import PENDING, Status

OPEN = frozenset({"loading", "unconfirmed", "running"})
"""The statuses of a request that has not ended."""


class Moment(NamedTuple):
    """A request at one moment, and the reasons for vendors' holds."""

    status: Status
    held: dict[str, str]
    at_s: float

    def settled(self, vendor: str) -> int:
        """Deliveries to a vendor that have an outcome."""
        return self.status.subjects - self.status.vendors[vendor][PENDING]

    def remark(self, vendor: str) -> str:
        """What to know about a vendor; "" where there is nothing."""
        counts = self.status.vendors[vendor]
        attention = self.status.attention(vendor)
        held = f"held: {self.held[vendor]}" if vendor in self.held and counts[PENDING] else ""
        needed = counted(attention, "needs attention", "need attention") if attention else ""
        return "; ".join(filter(None, (needed, held)))
