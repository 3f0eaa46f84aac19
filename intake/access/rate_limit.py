"""Rate limit by principal: a token bucket each, in this process, and the headers that report it."""

from collections.abc import Callable, Sequence
from math import ceil
from time import monotonic
from typing import NamedTuple

BURST_S = 2.0
"""An idle principal may make the requests of this many seconds at once."""


class Rate(NamedTuple):
    """A token bucket: how many tokens come back each second, and how many it holds."""

    per_s: float
    most: float

    @classmethod
    def of(cls, per_minute: float) -> "Rate":
        """The bucket for this many requests a minute."""
        return cls(per_minute / 60, max(1.0, per_minute / 60 * BURST_S))


class Quota(NamedTuple):
    """The result of taking a token: how long to wait for one (0: it was taken), and how many are left."""

    rate: Rate
    wait_s: float
    left: int

    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        """RateLimit and RateLimit-Policy by draft-ietf-httpapi-ratelimit-headers-11."""
        window_s = ceil(self.rate.most / self.rate.per_s)
        until_full_s = ceil(self.wait_s or (int(self.rate.most) - self.left) / self.rate.per_s)
        return (
            (b"ratelimit-policy", b'"key";q=%d;w=%d' % (self.rate.most, window_s)),
            (b"ratelimit", b'"key";r=%d;t=%d' % (self.left, until_full_s)),
        )


class Pace:
    """The buckets of this process alone."""

    def __init__(self, rate: Rate, now: Callable[[], float] = monotonic) -> None:
        self._rate, self._now = rate, now
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, who: str) -> Quota:
        """Take one of this principal's tokens, or say when there is one."""
        now = self._now()
        tokens, at = self._buckets.get(who, (self._rate.most, now))
        tokens = min(self._rate.most, tokens + (now - at) * self._rate.per_s)
        if tokens < 1:
            return Quota(self._rate, (1 - tokens) / self._rate.per_s, 0)
        self._buckets[who] = (tokens - 1, now)
        return Quota(self._rate, 0.0, int(tokens - 1))
