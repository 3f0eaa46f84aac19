"""Turns among all workers, kept in Redis: work that one of them does each second, and not all."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, RedisError

from tasks import full_redis
from tasks.queues import BrokerError
from tasks.redis_faults import say_fault
from tasks.toolbox import Start

ANSWERS_WITHIN_S = 10.0
ASKED_AGAIN = 0.1
"""A process that was refused a turn asks again after this part of its time: turns take minutes."""

log = logging.getLogger(__name__)


@dataclass
class Turns:
    """Turns last by Redis's clock alone: the workers' clocks may differ by hours."""

    redis: Redis = field(repr=False)
    start: Start = field(repr=False)
    holder: str
    _not_before: dict[str, float] = field(default_factory=dict, repr=False)
    _is_full: bool = False

    def take(self, name: str, seconds: float) -> bool:
        """Take this turn for so many seconds, if nobody has it. Raises BrokerError."""
        now = monotonic()
        if now < self._not_before.get(name, now):
            return False
        self._not_before[name] = now + ASKED_AGAIN * seconds
        return bool(self._ask(lambda key: self._set_new(key, _ms(seconds)), name))

    def rest(self, name: str, seconds: float) -> None:
        """The work is done: nobody need do it again for so long, unless Redis is away."""
        with suppress(BrokerError):
            self._ask(lambda key: self.redis.set(key, self.holder, px=_ms(seconds)), name)

    async def _set_new(self, key: str, ms: int) -> Any:
        try:
            is_new = await self.redis.set(key, self.holder, nx=True, px=ms)
        except OutOfMemoryError as error:
            is_new = await full_redis.set_new(self.redis, key, self.holder, ms)
            if not self._is_full:
                log.warning("Redis: %s; workers go on with what is on record", say_fault(error))
            self._is_full = True
        else:
            if self._is_full:
                log.info("Redis has room again")
            self._is_full = False
        return is_new

    def _ask(self, question: Callable[[str], Any], name: str) -> Any:
        async def asked() -> Any:
            return await question(f"consent:turn:{name}")

        try:
            return self.start(asked()).result(ANSWERS_WITHIN_S)
        except (RedisError, TimeoutError):
            raise BrokerError from None


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
