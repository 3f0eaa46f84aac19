"""Bearer tokens shared by every process: fetched once, kept encrypted in Redis, refreshed by one at a time."""

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
"""A refresher that died is replaced after the first; one that lives renews its lock after the second, as often as its
login needs."""
REDIS_AWAY_S = 2.0
TOKEN_LIFE_S = 7 * 3600
"""Where the vendor does not say. Algonomy's public page gives a token 8 hours; it is asked for anew before that, or as
soon as one is refused."""
RENEWAL_LIFE_S = 90 * 86_400
"""A refresh token is forgotten after so long without use; the vendor has most likely forgotten it too."""
RENEW_BEFORE_S, RENEW_BEFORE_SHARE = 60.0, 0.2
"""A token is asked for anew so long before it ends, or at this share of its life if that is shorter: a request that is
under way when it ends would be refused."""


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


class LogIn(Protocol):
    """Asks the vendor for a token."""

    async def __call__(self, renewal: SecretStr | None, /) -> Token:
        """A new token, by the refresh token of the last one where there was one. Raises LoginRefusedError."""


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
        """A token for `vendor` other than `not_this_one` (the one just refused), and not one that is about to end.

        Of all processes that ask, one calls `log_in`; the others wait and read what it got.
        Raises LoginRefusedError; NotNowError while Redis is away, for without it two processes might refresh at once.
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
                return got  # Redis did not take it for the others: it is good all the same
            return self._known[vendor].token

    def _usable(self, vendor: str, not_this_one: Token | None) -> Token | None:
        known = self._known.get(vendor)
        if known is None or known.token == not_this_one or monotonic() >= known.until:
            return None
        return known.token

    async def _shared_or_new(self, vendor: str, log_in: LogIn, not_this_one: Token | None) -> _Known:
        kept = _Kept(self.redis, self.seal, vendor)
        async with Lock(self.redis, f"{kept.key}:refresh", timeout=REFRESH_LOCK_S) as lock:
            # Redis drops a token when it is no longer to be used: its time there is the time left to use it.
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
    """One vendor's token in Redis, sealed, and apart from it the refresh token, which outlives it."""

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
        token, _, base_url = told.partition(" ")  # neither has a space in it
        return Token(token, base_url=base_url)

    async def renewal(self) -> SecretStr | None:
        told = await self._read(f"{self.key}:renewal", "renewal")
        return None if told is None else SecretStr(told)

    async def keep(self, issued: Token, use_s: float) -> None:
        told = f"{issued.get_secret_value()} {issued.base_url}".rstrip()
        if issued.renewal is not None:  # first: what becomes of the token is soon asked again, this is not
            await self._write(f"{self.key}:renewal", "renewal", issued.renewal.get_secret_value(), RENEWAL_LIFE_S)
        await self._write(self.key, "token", told, use_s)

    async def _read(self, key: str, what: str) -> str | None:
        sealed = await self.redis.get(key)
        if not isinstance(sealed, bytes):
            return None
        try:
            return self.seal.open(sealed, self._context(what)).decode()
        except ValueError:  # sealed under keys that are gone: as good as nothing
            return None

    async def _write(self, key: str, what: str, text: str, life_s: float) -> None:
        await self.redis.set(key, self.seal.seal(text.encode(), self._context(what)), px=max(1, int(life_s * 1000)))

    def _context(self, what: str) -> bytes:
        return f"{what}:{self.vendor}".encode()


def _use_s(life_s: float | None) -> float:
    """For how long to use a token that lives so long."""
    if life_s is None:
        return TOKEN_LIFE_S
    return life_s - min(RENEW_BEFORE_S, life_s * RENEW_BEFORE_SHARE)


@asynccontextmanager
async def _renewed(lock: Lock) -> AsyncIterator[None]:
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
