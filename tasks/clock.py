"""PostgreSQL's time, which all workers share, without asking for it again and again."""

from dataclasses import dataclass

from adapters.clock import monotonic


@dataclass(frozen=True, slots=True)
class LedgerClock:
    """What PostgreSQL said the time was, carried on from the moment `at` of our own clock when it was asked.

    The clock of a worker's machine may be an hour off, and another worker reads what this one writes.
    """

    told: float  # epoch
    at: float

    def now(self) -> float:
        """The time there (epoch)."""
        return self.told + monotonic() - self.at
