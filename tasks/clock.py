"""PostgreSQL's clock, which all workers share, without a query each time."""

from dataclasses import dataclass

from adapters.clock import monotonic


@dataclass(frozen=True, slots=True)
class LedgerClock:
    """PostgreSQL's time, as asked for at the moment `at` of our own monotonic clock, advanced since.

    A worker's clock may be an hour off, and other workers read what this one writes.
    """

    epoch_s: float
    at: float

    def now(self) -> float:
        """The current time there (epoch)."""
        return self.epoch_s + monotonic() - self.at
