"""Rate limit by principal over all web processes. Redis has the buckets, and each process takes a few tokens at a time.
While Redis is away, each process counts alone."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic

from redis.asyncio import Redis
from redis.exceptions import RedisError

from intake.access.rate_limit import Pace, Quota, Rate

LOT_S = 0.05
"""The part of a second's tokens taken at once: twenty calls a second for the busiest key, with hardly any error."""
WITHIN_S = 0.5
"""The longest that a request waits for Redis."""
AWAY_S = 2.0
"""After that Redis is not asked for so long."""

# KEYS[1]: when the bucket will be full again, in µs of Redis's clock. ARGV: µs a token, tokens at most, tokens wanted.
# Answers {tokens taken, µs until there is one, tokens left}. A clock that went back costs one bucket at most.
TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local gap, most, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full = math.min(math.max(tonumber(redis.call('GET', KEYS[1])) or 0, now), now + gap * most)
local room = math.floor((now + gap * most - full) / gap + 1e-6)
if room < 1 then return {0, math.ceil(full + gap - now - gap * most), 0} end
local taken = math.min(room, wanted)
full = full + taken * gap
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000) + 1)
return {taken, 0, room - taken}
"""


class _Lot:
    """This process's share of one principal's tokens."""

    def __init__(self) -> None:
        self.asking = asyncio.Lock()
        self.tokens, self.left = 0, 0
        self.refused_until = 0.0


class SharedPace:
    """The buckets that all web processes share.

    `key_of` names a principal's bucket so that Redis learns nobody's name, which may be an e-mail address.
    """

    def __init__(self, rate: Rate, client: Redis, key_of: Callable[[str], Awaitable[str]]) -> None:
        self._rate, self._client, self._key_of = rate, client, key_of
        self._own = Pace(rate)
        self._lots: defaultdict[str, _Lot] = defaultdict(_Lot)
        self._script = client.register_script(TAKE)
        self._away_until = 0.0

    async def take(self, who: str) -> Quota:
        """Take one of this principal's tokens, or say when there is one."""
        if monotonic() < self._away_until:
            return self._own.take(who)
        lot = self._lots[who]
        if lot.tokens:  # usually: no call, and no wait
            return self._taken(lot)
        async with lot.asking:
            wait_s = lot.refused_until - monotonic()
            if wait_s > 0:
                return Quota(self._rate, wait_s, 0)
            if not lot.tokens:
                try:
                    async with asyncio.timeout(WITHIN_S):
                        wait_s = await self._fill(lot, who)
                except (RedisError, OSError, TimeoutError):
                    self._away_until = monotonic() + AWAY_S
                    return self._own.take(who)
                if wait_s > 0:
                    return Quota(self._rate, wait_s, 0)
            return self._taken(lot)

    def _taken(self, lot: _Lot) -> Quota:
        lot.tokens -= 1
        return Quota(self._rate, 0.0, lot.left + lot.tokens)

    async def _fill(self, lot: _Lot, who: str) -> float:
        wanted = max(1, int(self._rate.per_s * LOT_S))
        asked = [1e6 / self._rate.per_s, self._rate.most, wanted]
        lot.tokens, wait_us, lot.left = await self._script(keys=[await self._key_of(who)], args=asked)
        lot.refused_until = monotonic() + wait_us / 1e6 if wait_us else 0.0
        return float(wait_us) / 1e6

    async def close(self) -> None:
        """Close the connection."""
        with suppress(RedisError, OSError):
            await self._client.aclose()
