"""The vendors' rate limits, shared by all processes: paced permits in Redis, leased in small lots.

A permit is a time at which one request may be sent. Times are spaced evenly (GCRA with a small burst), and none is
granted far ahead. So if Redis forgets, or its clock jumps, little is granted twice, and the pace leaves room for it
(docs/decisions/0008).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from adapters.clock import monotonic
from adapters.contract import NotNowError, Rate
from worker.pace import HORIZON_S, STALE_S, Pace
from worker.throttle_scripts import BOOK, CHARGE, PAUSE, TAKE

PATIENCE_S = 2.0
"""A longer wait for a permit would only occupy a place that others can use."""
LONGEST_WAIT_S = 30.0
"""Nobody waits longer than this, however many wait before them, and at most half a lease."""
AWAY_S = 1.0
"""While Redis is away nothing is sent. It is asked again after this long."""

COSTS_KEPT, COSTS_BELIEVED = 50, 10
"""For a bucket of units: a request takes as many units as the most expensive of the last so many requests has cost. It
takes less than its call's declared cost only after so many costs are known."""

RECOVERY = 0.1
"""The part of the full pace that comes back every second after a rate-limit answer."""
CUT = 0.7
LEAST_SHARE = 0.1


@dataclass
class Lane:
    """This process's permits of one bucket of a vendor."""

    redis: "Redis"
    vendor: str
    """The name that all processes share it by."""
    pace: Pace
    """The pace of requests of one unit."""
    limit: float = 0.0
    """Units a minute, where requests may cost more than one."""
    longest_wait_s: float = LONGEST_WAIT_S
    on_less: Callable[[], None] = field(default=lambda: None, repr=False)
    """Called whenever one less is waiting."""
    waiting: int = field(default=0, init=False)
    """How many wait for a permit in this process."""
    _moments: deque[float] = field(default_factory=deque, init=False, repr=False)
    _worth: float = field(default=1.0, init=False)
    """The units of each permit in the present lot."""
    _costs: deque[float] = field(default_factory=lambda: deque(maxlen=COSTS_KEPT), init=False, repr=False)
    _late_s: float = field(default=0.0, init=False)
    """How long after its time a permit of the present lot may be used."""
    _not_before: float = field(default=0.0, init=False)
    """When to ask Redis again."""
    _pauses: int = field(default=0, init=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        self._ask = self.redis.register_script(TAKE)
        self._tell = self.redis.register_script(PAUSE)
        self._charge = self.redis.register_script(CHARGE)
        self._book = self.redis.register_script(BOOK)
        self._crowd = max(2, self.pace.lot)

    @property
    def key(self) -> str:
        """The Redis key that all processes share."""
        return f"consent:throttle:{self.vendor}"

    def crowded(self, more: int) -> bool:
        """Whether with so many more, a whole lot would wait: others should then wait where they take turns."""
        return self.waiting + more >= self._crowd

    async def take(self, units: float = 1.0) -> float:
        """Wait until one request of so many units may be sent; returns the units taken. Raises NotNowError where that
        is far off, or Redis is away."""
        units = self._weigh(units)
        if not self.waiting and self._moments and units <= self._worth:
            now = monotonic()
            if self._moments[0] <= now <= self._moments[0] + self._late_s:
                self._moments.popleft()
                return units
        asked = monotonic()
        self.waiting += 1
        try:
            async with self._turn:
                if monotonic() - asked > self.longest_wait_s:
                    raise NotNowError(0.0)  # its lease may be over by now; those behind it have waited less
                await self._await_moment(units)
        finally:
            self.waiting -= 1
            self.on_less()
        return units

    async def correct(self, taken: float, cost: float) -> None:
        """A request that took `taken` units has cost `cost`: take the difference from the bucket, and let the next ones
        take as many as the most expensive recent one. Units taken in excess are not returned."""
        if cost <= 0:
            return
        self._costs.append(cost)
        if cost <= taken:
            return
        try:
            await self._charge(keys=[self.key], args=[self.pace_of(cost).gap_us * (1 - taken / cost)])
        except RedisError:
            return  # nobody can send until it is back, and then nobody starts with a burst

    async def book(self, units: float, calls: int, most_s: float) -> float | None:
        """Book calls behind all that are booked; returns the seconds until they may start. None where the last of them
        would be later than in `most_s`. AWAY_S while Redis is away."""
        takes = calls * self.pace_of(self._weigh(units)).gap_us
        try:
            reply = await self._book(keys=[self.key], args=[takes, most_s * 1e6])
        except RedisError:
            return AWAY_S
        wait_us = cast("int", reply)
        return None if wait_us < 0 else wait_us / 1e6

    def _weigh(self, units: float) -> float:
        if not self._costs:
            return units
        dearest = max(self._costs)
        return dearest if len(self._costs) >= COSTS_BELIEVED else max(units, dearest)

    def pace_of(self, units: float) -> Pace:
        """The pace of requests of so many units."""
        return self.pace if units == 1.0 else Pace.for_limit(self.limit / units)

    async def pause(self, seconds: float) -> None:
        """Stop sending for so long. While Redis is away nobody can send anyway."""
        self._moments.clear()
        self._pauses += 1
        self._not_before = max(self._not_before, monotonic() + seconds)
        try:
            await self._tell(keys=[self.key], args=[seconds * 1e6, RECOVERY, CUT, LEAST_SHARE])
        except RedisError:
            return

    async def _await_moment(self, units: float) -> None:
        # Only the first in line holds a permit that is not due yet: what is granted is soon used, or void.
        patience = monotonic() + PATIENCE_S
        while True:
            while not self._moments or units > self._worth:
                await self._lease_lot(patience, units)
            moment, late_s, pauses = self._moments.popleft(), self._late_s, self._pauses
            # uvloop's timers have whole ms, and count from when it last looked at the clock: they may end early.
            while (left_s := moment - monotonic()) > 0:  # noqa: ASYNC110 - nobody could tell us but the clock
                await asyncio.sleep(max(left_s, 0.001))
            if pauses == self._pauses and monotonic() <= moment + late_s:
                return

    async def _lease_lot(self, patience: float, units: float = 1.0) -> None:
        pace, asked = self.pace_of(units), monotonic()
        if asked < self._not_before:
            await self._wait(self._not_before - asked, patience)
            return
        figures = [pace.gap_us, pace.tolerance_us, pace.lot, HORIZON_S * 1e6, RECOVERY, LEAST_SHARE]
        pauses = self._pauses
        try:
            reply = await self._ask(keys=[self.key], args=figures)
        except RedisError:
            raise NotNowError(AWAY_S) from None
        granted, first_us, gap_us = cast("list[int]", reply)
        now = monotonic()
        if not granted:
            self._not_before = max(self._not_before, now + first_us / 1e6)
        elif pauses == self._pauses:
            # Redis read its clock at some time since it was asked. Counting from the latest such time nobody is early,
            # and from the earliest nobody is later than STALE_S.
            if units != self._worth:
                self._moments.clear()
                self._worth = units
            self._late_s = STALE_S - (now - asked)
            self._moments.extend(now + max(0, first_us + place * gap_us) / 1e6 for place in range(granted))

    async def _wait(self, seconds: float, patience: float) -> None:
        if monotonic() + seconds > patience:
            raise NotNowError(seconds + HORIZON_S)
        await asyncio.sleep(max(seconds, 0.001))


def open_lanes(redis: "Redis", limits: Mapping[str, float], longest_wait_s: float = LONGEST_WAIT_S) -> dict[str, Lane]:
    """A lane for each name, by its limit in units a minute."""
    return {name: Lane(redis, name, Pace.for_limit(limit), limit, longest_wait_s) for name, limit in limits.items()}


@dataclass(frozen=True)
class Lanes:
    """This process's permits for one vendor, a lane for each of its buckets. Implements adapters.exchange.Permits."""

    by_bucket: Mapping[str, Lane]

    @classmethod
    def open(
        cls, redis: "Redis", vendor: str, limits: Mapping[str, float], longest_wait_s: float = LONGEST_WAIT_S
    ) -> "Lanes":
        """`limits`: units a minute of each bucket; the bucket "" has the vendor's own name. `longest_wait_s`: how long
        a caller may wait for a permit."""
        names = {bucket: f"{vendor}:{bucket}" if bucket else vendor for bucket in limits}
        lanes = open_lanes(redis, {names[bucket]: limit for bucket, limit in limits.items()}, longest_wait_s)
        return cls({bucket: lanes[name] for bucket, name in names.items()})

    def take(self, rate: Rate) -> Awaitable[float]:
        """Wait until one request may be sent; returns the units taken. Raises NotNowError."""
        return self.by_bucket[rate.bucket].take(rate.units)

    async def pause(self, bucket: str, seconds: float) -> None:
        """Stop sending calls of this bucket for so long."""
        await self.by_bucket[bucket].pause(seconds)

    async def book(self, rate: Rate, calls: int, most_s: float) -> float | None:
        """Book calls behind all that are booked; returns the seconds until they may start, or None."""
        return await self.by_bucket[rate.bucket].book(rate.units, calls, most_s)

    async def correct(self, bucket: str, taken: float, cost: float) -> None:
        """A request that took `taken` units has cost `cost`."""
        await self.by_bucket[bucket].correct(taken, cost)
