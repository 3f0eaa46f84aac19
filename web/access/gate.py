"""Authenticates and authorises HTTP requests: API keys and console sessions, checked with every request."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from time import monotonic
from typing import Any, NamedTuple

from fastapi import Request

from intake.access.rate_limit import Pace, Quota, Rate
from intake.access.roles import MAY, Principal, Right, Role
from intake.access.shared_rate_limit import SharedPace
from intake.access.tokens import digest_of, key_shown, prefix_of, same
from ledger.accounts import access, guesses, logins
from ledger.accounts.guesses import Attempt
from ledger.sealing import Fingerprinter
from ledger.session import Connection
from web.access import cookies
from web.access.device import device_shown
from web.context import Context
from web.networks import network_of
from web.origin import host_of
from web.problems import Problem

__all__ = ["COOKIE", "MAY", "Gate", "Principal", "Right", "Role", "allowed"]

COOKIE = cookies.SESSION
TRUSTED_S = 3.0
"""A key or session is looked up again after this long, so a revoked one stops working within it."""
REMEMBERED_S = 600.0
"""A key that was recently valid is looked up even when its address is locked: the lock is for strangers."""
MOST_REMEMBERED = 10_000
NEVER = float("-inf")
NOTED_S = 60.0
"""The use of a session is noted this often at most, or four times in its idle time."""
LONGEST_DELAY_S = 2.0
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class _Seen:
    principal: Principal
    at: float
    used_at: float
    """When somebody last used it, as far as the ledger was told."""


PRINTS_FOR_S = 60.0
"""How long processes may count one principal apart after the fingerprint key was replaced."""


class Gate:
    """Authenticates principals. One for each web process; failures are counted in the ledger, over all processes."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._rate = Rate.of(context.settings.api_requests_per_minute)
        self._pace = Pace(self._rate)
        self._shared: SharedPace | None = None
        self._prints: Fingerprinter | None = None
        self._prints_until = 0.0
        self._seen: dict[bytes, _Seen] = {}

    async def principal(self, request: Request, *, is_use: bool = True) -> Principal:
        """The principal, also in `request.state.principal`. `is_use`: a person asks, and not a page by itself, so that
        an idle session goes on. Raises Problem: 401; 429 after too many failures or requests."""
        presented = request.headers.get("authorization")
        if presented is not None:
            secret = key_shown(presented)
            if secret is None:
                raise unauthorized()
            principal = await self._of_secret(secret, request, _find_key)
        elif (token := cookies.read(request, COOKIE)) is not None:
            _refuse_forged(request, self._context.settings.public_url)
            principal = await self._of_secret(token, request, self._find_login(is_use=is_use), is_use=is_use)
        else:
            raise unauthorized()
        request.state.principal = principal
        request.state.quota = quota = await self._take(principal.name)
        if quota.wait_s:
            raise Problem.later(429, "too-often", "this key asks more often than it may", quota.wait_s)
        return principal

    async def _take(self, who: str) -> Quota:
        if self._context.redis_client is None:
            return self._pace.take(who)
        if self._shared is None:  # in the event loop that its connections belong to
            self._shared = SharedPace(self._rate, self._context.redis_client(), self._bucket_of)
        return await self._shared.take(who)

    async def _bucket_of(self, who: str) -> str:
        if self._prints is None or monotonic() > self._prints_until:  # the key may have been replaced
            self._prints = (await self._context.reads.run(self._context.known)).prints
            self._prints_until = monotonic() + PRINTS_FOR_S
        return f"consent:rate:{self._prints.print_of(b'principal', who.encode()).hex()}"

    async def close(self) -> None:
        """Close the connection to Redis."""
        if self._shared is not None:
            await self._shared.close()

    @property
    def idle_s(self) -> float:
        """A session that is not used for so long is over."""
        return 60.0 * self._context.settings.session_idle_minutes

    def _find_login(self, *, is_use: bool) -> "_Find":
        return lambda connection, token: _find_login(connection, token, idle_s=self.idle_s, is_use=is_use)

    async def _of_secret(self, secret: str, request: Request, find: "_Find", *, is_use: bool = False) -> Principal:
        digest = digest_of(secret)
        seen = self._seen.get(digest)
        now = monotonic()
        to_note = is_use and (seen is None or now - seen.used_at > min(NOTED_S, self.idle_s / 4))
        if seen is not None and now - seen.at < TRUSTED_S and not to_note:
            return seen.principal
        stranger = seen is None or now - seen.at > REMEMBERED_S
        host, device = host_of(request), device_shown(request)
        found, shown = await self._context.reads.run(
            lambda: self._look(secret, host, find, stranger=stranger, device=device)
        )
        request.state.key_prefix, request.state.account = shown
        if isinstance(found, Principal):
            if len(self._seen) > MOST_REMEMBERED:
                self._seen.clear()
            used_at = now if is_use else seen.used_at if seen is not None else NEVER
            self._seen[digest] = _Seen(found, now, used_at)
            return found
        self._seen.pop(digest, None)
        if isinstance(found, Attempt):
            await refuse_guess(found)
        raise unauthorized()

    def _look(
        self, secret: str, host: str, find: "_Find", *, stranger: bool, device: str | None
    ) -> "tuple[Principal | Attempt | None, _Shown]":
        # Keyed, like all fingerprints in the ledger: an address is personal data.
        address = self._context.known().prints.print_of(b"address", network_of(host).encode())
        with self._context.engine.begin() as connection:
            locked_s = guesses.locked_for(connection, address) if stranger else 0.0
            if locked_s and not (device and logins.is_device(connection, digest_of(device))):
                return Attempt(0, locked_s), _Shown()
            found = find(connection, secret)
            if isinstance(found, Unknown):
                return guesses.attempt(connection, address), _Shown(found.key_prefix)
            return (None, found.shown) if isinstance(found, Closed) else (found, _Shown(found.key))

    def forget(self, secret: str) -> None:
        """Drop this one from the cache, so that it is looked up again."""
        self._seen.pop(digest_of(secret), None)


class _Shown(NamedTuple):
    """The key or the user of the credentials given, where they exist."""

    key_prefix: str | None = None
    account: str | None = None


@dataclass(frozen=True)
class Closed:
    """It was valid once, and is no longer. That is not counted as a guess: a forgotten cron job must not lock out its
    successor."""

    shown: _Shown


@dataclass(frozen=True)
class Unknown:
    """It was never valid. `key_prefix`: of the key with that prefix, but another secret."""

    key_prefix: str | None = None


_Find = Callable[[Connection, str], Principal | Closed | Unknown]


def _find_key(connection: Connection, secret: str) -> Principal | Closed | Unknown:
    prefix = prefix_of(secret)
    key = access.find_key(connection, prefix) if prefix is not None else None
    if prefix is None or key is None:
        return Unknown()
    if not same(key.digest, digest_of(secret)):
        return Unknown(prefix)
    if not key.opens:
        return Closed(_Shown(key_prefix=prefix))
    access.note_use(connection, prefix)
    return Principal(f"key:{key.name}", Role(key.role), prefix)


def _find_login(connection: Connection, token: str, *, idle_s: float, is_use: bool) -> Principal | Closed | Unknown:
    login = logins.find(connection, digest_of(token), idle_s=idle_s)
    if login is None:
        return Unknown()
    if not login.opens:
        return Closed(_Shown(account=login.name))
    if is_use:
        logins.note_use(connection, digest_of(token))
    return Principal(f"user:{login.name}", Role(login.role))


async def refuse_guess(attempt: Attempt) -> None:
    """Delay a failed attempt. Raises Problem where no more attempts are allowed now."""
    if attempt.locked_s:
        raise guessing(attempt)
    await asyncio.sleep(min(LONGEST_DELAY_S, 0.1 * attempt.failures))


def guessing(attempt: Attempt) -> Problem:
    """No more attempts are allowed now."""
    return Problem.later(429, "guessing", "too many failed tries from here; wait", attempt.locked_s)


def unauthorized() -> Problem:
    """Unknown credentials, or none."""
    detail = "show an API key, as in: Authorization: Bearer cw_…; `consent keys create` makes one"
    return Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": 'Bearer realm="consent"'})


def _refuse_forged(request: Request, public_url: str | None) -> None:
    """Refuse cross-site requests. A browser sends cookies with requests that another site has caused, and says so in a
    header that no page can set."""
    if request.method in SAFE_METHODS:
        return
    origin, host = request.headers.get("origin"), request.headers.get("host")
    own = origin is not None and origin in {f"http://{host}", f"https://{host}", public_url}
    if not own and request.headers.get("sec-fetch-site") != "same-origin":
        raise Problem(403, "other-site", "a session works for the console's own pages only")


def allowed(*rights: Right, is_use: bool = True) -> Callable[[Request], Coroutine[Any, Any, Principal]]:
    """A FastAPI dependency that admits principals with one of these rights (any principal, where none is named), and
    returns the principal. `is_use`: as of `Gate.principal`. Raises Problem: 401, 403, 429."""

    async def principal(request: Request) -> Principal:
        gate: Gate = request.app.state.gate
        found = await gate.principal(request, is_use=is_use)
        if rights and not any(found.may(right) for right in rights):
            raise Problem(403, "forbidden", f"this needs the right to {' or '.join(rights)}; you are a {found.role}")
        return found

    return principal
