"""Counts what each vendor received: requests, the densest sliding window, rules broken."""

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any


class Window:
    """A true sliding window: admits at most `limit` requests in any `span_s` seconds, and records the densest window.

    A refused request does not use up the budget, but counts in `densest`: it did arrive. Where requests cost `units`,
    the limit and `densest` are in units.
    """

    def __init__(self, limit: int, span_s: float = 60.0, units: float = 1) -> None:
        self.limit = limit
        self.span_s = span_s
        self.units = units
        self.densest: float = 0
        self._arrived: deque[float] = deque()
        self._admitted: deque[float] = deque()

    def admit(self, now: float) -> bool:
        """Count one arrival at `now` (monotonic seconds) and say whether it is within the limit."""
        self._arrived.append(now)
        for moments in (self._arrived, self._admitted):
            while moments and moments[0] <= now - self.span_s:
                moments.popleft()
        self.densest = max(self.densest, len(self._arrived) * self.units)
        if (len(self._admitted) + 1) * self.units > self.limit:
            return False
        self._admitted.append(now)
        return True

    @property
    def used(self) -> float:
        """How much of the limit was used when the last request arrived."""
        return len(self._admitted) * self.units

    def seconds_until_free(self, now: float) -> float:
        """How long until one more request would be admitted."""
        most = int(self.limit / self.units)
        if len(self._admitted) < most:
            return 0.0
        if most <= 0:
            return self.span_s
        return max(0.0, self._admitted[-most] + self.span_s - now)


@dataclass
class Traffic:
    """One vendor's counts. Broken rules are counted by name; identifiers never get here."""

    window: Window
    buckets: dict[str, Window] = field(default_factory=dict)
    """Calls with a separate limit."""
    requests: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    first_at: float | None = None
    last_at: float | None = None

    def arrive(self, now: float, metered: bool, bucket: str = "") -> bool:
        """Count one request; False when it exceeds the rate limit that it counts against."""
        self.requests += 1
        self.last_at = time.time()
        if self.first_at is None:
            self.first_at = self.last_at
        return self.window_of(bucket).admit(now) if metered else True

    def window_of(self, bucket: str) -> Window:
        return self.buckets.get(bucket, self.window)

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
            "buckets": {
                name: {"densest_window": window.densest, "limit": window.limit, "window_s": window.span_s}
                for name, window in self.buckets.items()
            },
        }
