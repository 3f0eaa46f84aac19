"""A request at one moment, as it is followed."""

from typing import NamedTuple

from domain.counted import counted
from ledger.desk.status import PENDING, Status

OPEN = frozenset({"loading", "unconfirmed", "running"})
"""The statuses of a request that has not ended."""


class Moment(NamedTuple):
    """A request at one moment, and by vendor why it is held, or fails and is not held yet."""

    status: Status
    held: dict[str, str]
    failing: dict[str, str]
    at_s: float

    def settled(self, vendor: str) -> int:
        """Deliveries to a vendor that have an outcome."""
        return self.status.subjects - self.status.vendors[vendor][PENDING]

    def same_as(self, before: "Moment") -> bool:
        """Whether nothing has happened since, but that time has passed."""
        then = before.status._replace(now=self.status.now)
        return self.status == then and self.held == before.held and self.failing == before.failing

    def remark(self, vendor: str) -> str:
        """What to know about a vendor; "" where there is nothing."""
        counts = self.status.vendors[vendor]
        attention = self.status.attention(vendor)
        held = ""
        if counts[PENDING] and vendor in self.held:
            held = f"held: {self.held[vendor]}"
        elif counts[PENDING] and vendor in self.failing:
            held = f"failing, not held yet: {self.failing[vendor]}"
        needed = counted(attention, "needs attention", "need attention") if attention else ""
        return "; ".join(filter(None, (needed, held)))
