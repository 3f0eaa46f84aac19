"""Bearer tokens shared by every process: fetched once, kept encrypted in Redis, refreshed by one at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import RedisError

from adapters.contract import Answer, NotNowError

REFRESH_LOCK_S, RENEW_LOCK_S = 4.0, 1.0
"""A refresher that died is replaced after the first; one that lives renews its lock after the second, as often as its
login needs."""
REDIS_AWAY_S = 2.0
TOKEN_LIFE_S = 7 * 3600
"""Algonomy's public page gives a token 8 hours; asked anew before that, or as soon as one is refused."""


class LoginRefusedError(Exception):
    """No token is to be had now; check the vendor's credentials. `answer` says what that means for those waiting."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("the vendor gave no token")
        self.answer = answer


class Seal(Protocol):
    """Encrypts what is kept outside this process."""

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """What only a holder of the keys can read, bound to `context`."""

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """What was sealed. Raises ValueError where it was not sealed by these keys for this context."""


@dataclass
class Credentials:
    """The tokens of all vendors, as this process knows them."""

    redis: "Redis"
    seal: Seal
    _known: dict[str, str] = field(default_factory=dict, init=False, repr=False)
    _here: dict[str, asyncio.Lock] = field(default_factory=dict, init=False, repr=False)

    async def token(self, vendor: str, log_in: Callable[[], Awaitable[str]], *, not_this_one: str | None = None) -> str:
        """A token for `vendor` other than `not_this_one` (the one just refused).

        Of all processes that ask, one calls `log_in`; the others wait and read what it got.
        Raises LoginRefusedError; NotNowError while Redis is away, for without it two processes might refresh at once.
        """
        known = self._known.get(vendor)
        if known is not None and known != not_this_one:
            return known
        async with self._here.setdefault(vendor, asyncio.Lock()):
            known = self._known.get(vendor)
            if known is not None and known != not_this_one:
                return known
            try:
                token = await self._shared_or_new(vendor, log_in, not_this_one)
            except RedisError:
                raise NotNowError(REDIS_AWAY_S) from None
            self._known[vendor] = token
            return token

    async def _shared_or_new(self, vendor: str, log_in: Callable[[], Awaitable[str]], not_this_one: str | None) -> str:
        key, context = f"consent:token:{vendor}", f"token:{vendor}".encode()
        async with Lock(self.redis, f"{key}:refresh", timeout=REFRESH_LOCK_S) as lock:
            shared = self._open(await self.redis.get(key), context)
            if shared is not None and shared != not_this_one:
                return shared
            async with _kept(lock):
                token = await log_in()
            await self.redis.set(key, self.seal.seal(token.encode(), context), ex=TOKEN_LIFE_S)
            return token

    def _open(self, kept: object, context: bytes) -> str | None:
        if not isinstance(kept, bytes):
            return None
        try:
            return self.seal.open(kept, context).decode()
        except ValueError:  # sealed under keys that are gone: as good as no token
            return None


@asynccontextmanager
async def _kept(lock: Lock) -> AsyncIterator[None]:
    """Renew a lock for as long as this lasts."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(RENEW_LOCK_S)
            with suppress(RedisError):  # lost or out of reach: giving it back will tell
                await lock.reacquire()

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()
