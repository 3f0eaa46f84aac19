"""Bearer tokens shared by all processes: fetched once, stored encrypted in Redis, refreshed by one process at a
time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol

from pydantic import SecretStr
from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import RedisError

from adapters.contract import Answer, NotNowError, Token

REFRESH_LOCK_S, RENEW_LOCK_S = 4.0, 1.0
"""The first value: when a refresher that died is replaced. The second: how often a living one renews its lock."""
REDIS_AWAY_S = 2.0
TOKEN_LIFE_S = 7 * 3600
"""The life where the vendor does not say. Algonomy's public page gives a token 8 hours; we ask again before that, or
when one is refused."""
RENEWAL_LIFE_S = 90 * 86_400
"""A refresh token is deleted after this long without use. The vendor has most likely deleted it too."""
RENEW_BEFORE_S, RENEW_BEFORE_SHARE = 60.0, 0.2
"""A token is renewed this long before its end, or at this share of its life if that is shorter: a request under way at
its end would be refused."""


class LoginRefusedError(Exception):
    """No token can be had now. Check the vendor's credentials. `answer` says what that means for those waiting."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("the vendor gave no token")
        self.answer = answer


class Seal(Protocol):
    """Encrypts what is stored outside this process."""

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypt for holders of the keys, bound to `context`."""

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypt. Raises ValueError where it was not sealed with these keys for this context."""


class LogIn(Protocol):
    """Asks the vendor for a token."""

    async def __call__(self, renewal: SecretStr | None, /) -> Token:
        """A new token, by the last refresh token where there is one. Raises LoginRefusedError."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A token as this process knows it."""

    token: Token
    until: float  # monotonic: not used from then on


@dataclass
class Credentials:
    """The tokens of all vendors, as this process knows them."""

    redis: "Redis"
    seal: Seal
    _known: dict[str, _Known] = field(default_factory=dict, init=False, repr=False)
    _here: dict[str, asyncio.Lock] = field(default_factory=dict, init=False, repr=False)

    async def token(self, vendor: str, log_in: LogIn, *, not_this_one: Token | None = None) -> Token:
        """A token for `vendor` other than `not_this_one` (the one just refused), which does not end soon.

        Of all processes that ask, one calls `log_in`; the others wait and read its result. Raises LoginRefusedError;
        NotNowError while Redis is away, because two processes might refresh at once without it.
        """
        known = self._usable(vendor, not_this_one)
        if known is not None:
            return known
        async with self._here.setdefault(vendor, asyncio.Lock()):
            known = self._usable(vendor, not_this_one)
            if known is not None:
                return known
            try:
                self._known[vendor] = await self._shared_or_new(vendor, log_in, not_this_one)
            except RedisError:
                got = self._usable(vendor, not_this_one)
                if got is None:
                    raise NotNowError(REDIS_AWAY_S) from None
                return got  # Redis did not store it for the others, but it is valid
            return self._known[vendor].token

    def _usable(self, vendor: str, not_this_one: Token | None) -> Token | None:
        known = self._known.get(vendor)
        if known is None or known.token == not_this_one or monotonic() >= known.until:
            return None
        return known.token

    async def _shared_or_new(self, vendor: str, log_in: LogIn, not_this_one: Token | None) -> _Known:
        kept = _Kept(self.redis, self.seal, vendor)
        async with Lock(self.redis, f"{kept.key}:refresh", timeout=REFRESH_LOCK_S) as lock:
            # Redis deletes a token when it should no longer be used, so its time to live there is the time left.
            asked = monotonic()
            left_ms = await self.redis.pttl(kept.key)
            shared = await kept.token()
            if shared is not None and shared != not_this_one and left_ms > 0:
                return _Known(shared, asked + left_ms / 1000)
            renewal = await kept.renewal()
            async with _renewed(lock):
                issued = await log_in(renewal)
            use_s = _use_s(issued.life_s)
            self._known[vendor] = known = _Known(issued, monotonic() + use_s)
            await kept.keep(issued, use_s)
            return known


@dataclass(frozen=True, slots=True)
class _Kept:
    """One vendor's token in Redis, sealed. The refresh token is stored apart, because it lives longer."""

    redis: "Redis"
    seal: Seal
    vendor: str

    @property
    def key(self) -> str:
        return f"consent:token:{self.vendor}"

    async def token(self) -> Token | None:
        told = await self._read(self.key, "token")
        if told is None:
            return None
        token, _, base_url = told.partition(" ")  # neither contains a space
        return Token(token, base_url=base_url)

    async def renewal(self) -> SecretStr | None:
        told = await self._read(f"{self.key}:renewal", "renewal")
        return None if told is None else SecretStr(told)

    async def keep(self, issued: Token, use_s: float) -> None:
        told = f"{issued.get_secret_value()} {issued.base_url}".rstrip()
        if issued.renewal is not None:  # first: losing the token costs little, losing this costs a login
            await self._write(f"{self.key}:renewal", "renewal", issued.renewal.get_secret_value(), RENEWAL_LIFE_S)
        await self._write(self.key, "token", told, use_s)

    async def _read(self, key: str, what: str) -> str | None:
        sealed = await self.redis.get(key)
        if not isinstance(sealed, bytes):
            return None
        try:
            return self.seal.open(sealed, self._context(what)).decode()
        except ValueError:  # sealed with keys that are gone: as if missing
            return None

    async def _write(self, key: str, what: str, text: str, life_s: float) -> None:
        await self.redis.set(key, self.seal.seal(text.encode(), self._context(what)), px=max(1, int(life_s * 1000)))

    def _context(self, what: str) -> bytes:
        return f"{what}:{self.vendor}".encode()


def _use_s(life_s: float | None) -> float:
    """How long to use a token with this life."""
    if life_s is None:
        return TOKEN_LIFE_S
    return life_s - min(RENEW_BEFORE_S, life_s * RENEW_BEFORE_SHARE)


@asynccontextmanager
async def _renewed(lock: Lock) -> AsyncIterator[None]:
    """Renew a lock for as long as this lasts."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(RENEW_LOCK_S)
            with suppress(RedisError):  # lost or unreachable: releasing it will show that
                await lock.reacquire()

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()
