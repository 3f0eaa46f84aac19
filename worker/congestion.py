"""How many requests in flight do a vendor good: fewer once it slows down under them, more while it does not.

Beyond a vendor's knee more requests in flight only wait there, and each answer takes longer (Little's law). What an
answer takes where nothing waits is the base, and the limit settles a little above the knee: the gradient of Netflix's
concurrency-limits over the least round-trip time of TCP Vegas. Requests are compared with their own like.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf, isqrt
from time import monotonic

QUICK_S = 0.05
"""A vendor that answers within this is never called slow: so far we may be what takes the time."""
TOLERANCE = 1.3
"""Answers that take so many times the base are no sign of a crowd yet: no two vendors answer evenly."""
LEAST = 2
START = 32
SHORTEST_ROUND = 8
"""Answers after which the limit is considered anew, or as many as may be in flight where that is more. Of a round the
quickest answer counts, by its like: others may have been slow for reasons of their own."""
LOOK_EVERY_S = 15.0
"""So often the base is measured anew, for two rounds with half as many in flight: a vendor may be slower today."""

Like = tuple[str, int]
"""Requests that should take equally long: method, and the body's length in powers of two."""


@dataclass
class Congestion:
    """The limit on requests in flight of one process at one vendor, between LEAST and `ceiling`."""

    ceiling: int
    resize: Callable[[int], None] = field(repr=False)
    """Called with every new limit."""
    clock: Callable[[], float] = field(default=monotonic, repr=False)
    limit: float = field(init=False)
    _bases: dict[Like, float] = field(default_factory=dict, init=False, repr=False)
    _seen: int = field(default=0, init=False, repr=False)
    _slowdown: float = field(default=inf, init=False, repr=False)
    _look_at: float = field(init=False, repr=False)
    _looking: int = field(default=0, init=False, repr=False)
    """Rounds left with half as many in flight."""

    def __post_init__(self) -> None:
        self.limit = float(min(self.ceiling, START))
        self._look_at = self.clock() + LOOK_EVERY_S
        self.resize(round(self.limit))

    def answered(self, method: str, body_bytes: int, seconds: float) -> None:
        """A request has ended, with an answer or without, after so long."""
        like = (method, body_bytes.bit_length())
        base = self._bases.get(like, inf)
        if seconds < base:
            base = self._bases[like] = max(seconds, QUICK_S)
        self._slowdown = min(self._slowdown, seconds / base)
        self._seen += 1
        if self._seen >= max(self.limit, SHORTEST_ROUND):
            self._end_round()

    def _end_round(self) -> None:
        slowdown, self._slowdown, self._seen = max(1.0, self._slowdown / TOLERANCE), inf, 0
        if self._looking:
            self._looking -= 1
            if self._looking:
                # The first round's answers were still of requests among many: of the second one comes the base.
                self._bases.clear()
            else:
                self.resize(round(self.limit))
            return
        grown = self.limit / slowdown + isqrt(int(self.limit))
        self.limit = min(max(grown, LEAST), self.ceiling)
        if self.clock() < self._look_at:
            self.resize(round(self.limit))
            return
        self._look_at = self.clock() + LOOK_EVERY_S
        self._looking = 2
        self.resize(max(LEAST, round(self.limit / 2)))
