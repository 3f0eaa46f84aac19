"""How often one principal may ask: a token bucket each, in this process."""

from collections.abc import Callable
from time import monotonic

BURST_S = 2.0
"""A principal that was silent may ask as much at once as in so many seconds."""


class Pace:
    """Each web process keeps its own buckets: with N of them the limit is up to N times as high. That is enough for
    what it is for, one key not crowding out the others; what PostgreSQL can take is guarded by the pools."""

    def __init__(self, per_minute: float, now: Callable[[], float] = monotonic) -> None:
        self._per_s = per_minute / 60
        self._most = max(1.0, self._per_s * BURST_S)
        self._now = now
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait_s(self, who: str) -> float:
        """Take one of this principal's tokens and return 0; or return the seconds until there is one."""
        now = self._now()
        tokens, at = self._buckets.get(who, (self._most, now))
        tokens = min(self._most, tokens + (now - at) * self._per_s)
        if tokens < 1:
            return (1 - tokens) / self._per_s
        self._buckets[who] = (tokens - 1, now)
        return 0.0
