"""Limits the requests in flight at a vendor: fewer once they slow it down, more while they do not.

Beyond a vendor's knee more requests in flight only queue there, and each answer takes longer (Little's law). The base
is the response time without queueing, and the limit settles a little above the knee: the gradient of Netflix's
concurrency-limits over TCP Vegas's least round-trip time. Requests are only compared with similar ones.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf, isqrt
from time import monotonic

QUICK_S = 0.05
"""A vendor that answers within this never counts as slow: the time may be our own."""
TOLERANCE = 1.3
"""Answers that take up to this many times the base are no sign of queueing: no vendor answers evenly."""
LEAST = 2
START = 32
SHORTEST_ROUND = 8
"""The limit is reconsidered after so many answers, or after as many as may be in flight if that is more. The quickest
answer of a round counts, by size: others may have been slow for other reasons."""
LOOK_EVERY_S = 15.0
"""How often the base is measured again, in two rounds with half as many in flight: a vendor may be slower today."""

Like = tuple[str, int]
"""Requests that should take equally long: method, and the body's length in powers of two."""


@dataclass
class Congestion:
    """The limit on one process's requests in flight at one vendor, between LEAST and `ceiling`."""

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
        """A request has ended after this long, with an answer or without."""
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
                # The first round's answers were still to requests among many. The base comes from the second round.
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
