"""Counts what each vendor received: requests, the densest sliding window, rules broken."""

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any


class Window:
    """A true sliding window: admits at most `limit` requests in any `span_s` seconds, knows the densest.

    A request turned away does not use up the budget, but it counts in `densest`: it did arrive.
    """

    def __init__(self, limit: int, span_s: float = 60.0) -> None:
        self.limit = limit
        self.span_s = span_s
        self.densest = 0
        self._arrived: deque[float] = deque()
        self._admitted: deque[float] = deque()

    def admit(self, now: float) -> bool:
        """Count one arrival at `now` (monotonic seconds) and say whether it is within the limit."""
        self._arrived.append(now)
        for moments in (self._arrived, self._admitted):
            while moments and moments[0] <= now - self.span_s:
                moments.popleft()
        self.densest = max(self.densest, len(self._arrived))
        if len(self._admitted) >= self.limit:
            return False
        self._admitted.append(now)
        return True

    def seconds_until_free(self, now: float) -> float:
        """How long until one more request would be admitted."""
        if len(self._admitted) < self.limit:
            return 0.0
        if self.limit <= 0:
            return self.span_s
        return max(0.0, self._admitted[-self.limit] + self.span_s - now)


@dataclass
class Traffic:
    """One vendor's tally. Rules broken are counted by name; no identifier ever gets here."""

    window: Window
    requests: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    first_at: float | None = None
    last_at: float | None = None

    def arrive(self, now: float, metered: bool) -> bool:
        """Count one request; False when it is over the vendor's rate limit."""
        self.requests += 1
        self.last_at = time.time()
        if self.first_at is None:
            self.first_at = self.last_at
        return self.window.admit(now) if metered else True

    def report(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "statuses": dict(self.statuses),
            "faults": dict(self.faults),
            "densest_window": self.window.densest,
            "limit": self.window.limit,
            "window_s": self.window.span_s,
            "first_at": self.first_at,
            "last_at": self.last_at,
        }
