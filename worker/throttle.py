"""The vendors' rate limits, held for all processes together: paced permits over Redis, leased in small lots.

A permit is a moment at which one request may go out. Moments are spaced evenly (GCRA with a small burst), because then
rate times window plus burst bounds every window. That sum stays below the limit, with a margin for what happens between
our clock and the vendor's.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from adapters.contract import NotNowError

WINDOW_S = 60.0
"""Every limit in the vendors' pages is per minute."""
BURST_SHARE = 0.01
MARGIN_SHARE = 0.002
LOT_S = 0.06
"""A lot holds about this much of the pace, at most MAX_LOT permits: granted lots arrive late and compressed."""
MAX_LOT = 25
STALE_S = 0.1
"""A permit not used this long after its moment is void: used late it would crowd the next ones."""
PATIENCE_S = 2.0
"""Waiting longer than this for a permit would only hold a place that others can use."""
AWAY_S = 1.0
"""With Redis away nothing is sent; asked again after this long."""

RECOVERY = 0.1
"""So much of the full pace comes back every second after a vendor said "too many"."""
CUT = 0.7
LEAST_SHARE = 0.1

# KEYS[1]: a hash of the vendor's `tat`, the theoretical arrival time of its next permit, and of `resume`, until when
# nobody may send; both in µs of Redis's clock.
# ARGV: µs between permits, burst tolerance in µs, permits wanted, patience in µs, recovery a second.
# Answers {permits, µs until the first one, µs until a pause ends, µs between them}; the second is negative where its
# moment has passed.
TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local gap, tolerance, wanted, patience = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local kept = redis.call('HMGET', KEYS[1], 'tat', 'resume', 'share', 'cut_at')
local tat = tonumber(kept[1]) or now + tolerance -- nothing known of the past: as if the burst had just been spent
local pause = math.max(0, (tonumber(kept[2]) or 0) - now)
tat = math.max(tat, now + pause) -- who waits through a pause comes after it at the pace, not all at once
local grown = (now - (tonumber(kept[4]) or now)) / 1000000 * tonumber(ARGV[5])
gap = gap / math.min(1, (tonumber(kept[3]) or 1) + math.max(0, grown))
local first = tat - tolerance - now
if math.max(first, pause) > patience then return {0, first, pause} end
redis.call('HSET', KEYS[1], 'tat', string.format('%.0f', tat + wanted * gap))
redis.call('PEXPIRE', KEYS[1], 7200000)
return {wanted, first, pause, math.floor(gap)}
"""
# After a "too many" the vendor's `share` of the pace is cut, and grows back from `cut_at` on: additive increase,
# multiplicative decrease.
# ARGV: pause in µs, recovery a second, what a cut leaves, the least that is left.
PAUSE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local resume = now + tonumber(ARGV[1])
local kept = redis.call('HMGET', KEYS[1], 'resume', 'share', 'cut_at')
if (tonumber(kept[1]) or 0) <= now then -- answers to what was under way when the pause began do not cut again
  local grown = (now - (tonumber(kept[3]) or now)) / 1000000 * tonumber(ARGV[2])
  local share = math.min(1, (tonumber(kept[2]) or 1) + math.max(0, grown))
  share = math.max(tonumber(ARGV[4]), share * tonumber(ARGV[3]))
  redis.call('HSET', KEYS[1], 'share', share, 'cut_at', string.format('%.0f', now))
end
if (tonumber(kept[1]) or 0) < resume then redis.call('HSET', KEYS[1], 'resume', string.format('%.0f', resume)) end
redis.call('PEXPIRE', KEYS[1], 7200000)
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a vendor's limit is spent: evenly, with a small burst."""

    gap_us: float
    tolerance_us: float
    lot: int

    @classmethod
    def for_limit(cls, requests_per_minute: int) -> "Pace":
        """The pace that keeps every window of a minute within `requests_per_minute`."""
        burst = max(1, int(requests_per_minute * BURST_SHARE))
        rate = max(requests_per_minute * (1 - MARGIN_SHARE) - burst, 0.5)
        gap_us = WINDOW_S * 1e6 / rate
        lot = min(max(int(rate / WINDOW_S * LOT_S), 1), MAX_LOT)
        return cls(gap_us, (burst - 1) * gap_us, lot)


@dataclass
class Lane:
    """This process's permits for one vendor. Implements adapters.exchange.Permits."""

    redis: "Redis"
    vendor: str
    pace: Pace
    _moments: deque[float] = field(default_factory=deque, init=False, repr=False)
    _resume: float = 0.0
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    @property
    def key(self) -> str:
        """The Redis key that all processes share."""
        return f"consent:throttle:{self.vendor}"

    async def take(self) -> None:
        """Wait until one request may go out. Raises NotNowError where that is far off, or Redis is away."""
        clock = asyncio.get_running_loop().time
        async with self._asking:
            while self._moments and self._moments[0] < clock() - STALE_S:
                self._moments.popleft()
            if not self._moments:
                self._moments.extend(await self._lease_lot())
            moment = self._moments.popleft()
        await asyncio.sleep(max(0.0, moment - clock()))
        if clock() < self._resume:  # paused while we slept: this moment is void
            await self.take()

    async def pause(self, seconds: float) -> None:
        """Nobody may send for so long. With Redis away nobody can send anyway."""
        self._moments.clear()
        self._resume = max(self._resume, asyncio.get_running_loop().time() + seconds)
        try:
            await self.redis.eval(PAUSE, 1, self.key, seconds * 1e6, RECOVERY, CUT, LEAST_SHARE)
        except RedisError:
            return

    async def _lease_lot(self) -> list[float]:
        pace = self.pace
        try:
            reply = await self.redis.eval(
                TAKE, 1, self.key, pace.gap_us, pace.tolerance_us, pace.lot, PATIENCE_S * 1e6, RECOVERY
            )
        except RedisError:
            raise NotNowError(AWAY_S) from None
        granted, first_us, pause_us, *gap_us = cast("list[int]", reply)
        if not granted:
            raise NotNowError(max(first_us, pause_us) / 1e6)
        # Counted from now rather than from when Redis was asked: late is safe, early is not.
        now = asyncio.get_running_loop().time()
        return [now + max(0.0, pause_us, first_us + place * gap_us[0]) / 1e6 for place in range(granted)]


def open_lanes(redis: "Redis", limits: Mapping[str, int]) -> dict[str, Lane]:
    """A lane for each vendor, by its limit in requests a minute."""
    return {vendor: Lane(redis, vendor, Pace.for_limit(limit)) for vendor, limit in limits.items()}
