"""How a limit is used: evenly, with a small burst, and with room for what is granted twice."""

from dataclasses import dataclass

WINDOW_S = 60.0
"""Every limit in the vendors' pages is per minute."""
BURST_S = 0.1
"""A latecomer may catch up this many seconds of the pace, and at least one request."""
LOT_S = 0.04
"""A process is granted this many seconds of the pace at once, and at least one permit."""
MAX_LOT = 200
"""And at most this many: unused permits of a lot are lost, which costs throughput even where a limit hardly binds."""
HORIZON_S = 0.2
"""No lot is granted whose first permit is further ahead."""
STALE_S = 0.1
"""A permit not used this long after its time is void: used late it would crowd the next ones."""
JITTER_S = 0.2
"""How much longer one request may take to reach the vendor than another."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a limit is used: evenly, with a small burst. A request of several units is one of a limit so many times
    smaller: its pace is `for_limit(units a minute / units)`."""

    gap_us: float
    burst: int = 1
    lot: int = 1

    @classmethod
    def for_limit(cls, requests_per_minute: float) -> "Pace":
        """The pace that keeps every window of a minute within `requests_per_minute`, as `most_in` counts."""
        # The two lines: where the burst is one request, and where it is BURST_S of the pace.
        spread_s = WINDOW_S + HORIZON_S + LOT_S + STALE_S + JITTER_S
        rate = min((requests_per_minute - 2) / spread_s, requests_per_minute / (spread_s + 2 * BURST_S))
        rate = max(rate, requests_per_minute / 2 / WINDOW_S)  # of a few a minute, two at once are within any limit
        return cls(1e6 / rate, max(1, int(rate * BURST_S)), min(max(1, int(rate * LOT_S)), MAX_LOT))

    @property
    def tolerance_us(self) -> float:
        """How far behind its time the next permit may still be granted."""
        return (self.burst - 1) * self.gap_us

    def most_in(self, seconds: float) -> float:
        """The most requests that the vendor can see in any window of so many seconds, also where Redis forgets, or its
        clock jumps, once in it: then a burst is granted twice, and so is what was granted ahead."""
        ahead_s = HORIZON_S + (self.lot - 1) * self.gap_us / 1e6
        return (seconds + ahead_s + STALE_S + JITTER_S) * 1e6 / self.gap_us + 2 * self.burst
