"""Logs in console users by password. Failures are counted over all processes."""

from typing import NamedTuple

from intake.access.passwords import hash_password, is_outdated, is_password
from intake.access.tokens import digest_of, mint_token
from ledger.accounts import access, guesses, logins
from ledger.accounts.access import FoundUser
from ledger.accounts.guesses import MANY, ONE, Attempt, Limit
from ledger.sealing import Fingerprinter
from ledger.session import Connection
from web.access import device as device_cookie
from web.context import Context
from web.networks import network_of

LASTS_S = 12 * 3600.0
"""A working day; then log in again."""


class Tried(NamedTuple):
    """What is known of an attempt before its password is checked."""

    account: str | None
    """The user's name, if the user exists, disabled or not."""
    known_device: bool
    """The user has logged in on this device before: other people's failures do not count."""


class LoggedIn(NamedTuple):
    """A user, the token of a new session, and the token that identifies the device from now on."""

    user: FoundUser
    token: str
    device: str

    def __repr__(self) -> str:
        return f"LoggedIn(user={self.user!r})"


def who_tries(context: Context, name: str, device: str | None) -> Tried:
    """The account of an attempt, and whether its device is known. `device`: the device's token."""
    with context.engine.connect() as connection:
        known = device is not None and logins.is_device(connection, digest_of(device), name)
        return Tried(name if access.is_user(connection, name) else None, known)


def log_in(
    context: Context, name: str, password: str, address: str = "", device: str | None = None
) -> LoggedIn | Attempt:
    """The user, logged in; or the failed attempt, also where a lock prevented the check.

    It takes a tenth of a second and 64 MB, as Argon2id should. Each name has its own lock, whether it exists or not,
    and so has each address. A device on which the user has logged in has its own lock instead of both, so that
    strangers cannot lock the user out there.
    """
    prints = context.known().prints
    with context.engine.begin() as connection:
        user = access.find_user(connection, name)
        known = device if device and logins.is_device(connection, digest_of(device), name) else None
        counted = _counted(prints, name, address, known)
        attempt = _attempt(connection, counted)
    if attempt.locked_s:
        return attempt
    if not is_password(password, user.password_hash if user is not None else None):
        return attempt
    if user is None or user.password_hash is None:
        return attempt
    token, device = mint_token(), known or mint_token()
    with context.engine.begin() as connection:
        _let_off(connection, counted, attempt)
        if is_outdated(user.password_hash):
            access.rehash(connection, user.id, hash_password(password))
        logins.begin(connection, user.id, digest_of(token), lasts_s=LASTS_S)
        logins.keep_device(connection, user.id, digest_of(device), lasts_s=device_cookie.LASTS_S)
    return LoggedIn(user, token, device)


class _Counted(NamedTuple):
    """What a failure is counted by; the first is the user's own, or their device's."""

    own: bytes
    address: bytes | None

    def limits(self) -> list[tuple[bytes, Limit]]:
        return [(self.own, ONE), *([(self.address, MANY)] if self.address else [])]


def _counted(prints: Fingerprinter, name: str, address: str, device: str | None) -> _Counted:
    if device is not None:
        return _Counted(_of_device(prints, digest_of(device)), None)
    place = network_of(address)
    return _Counted(_of_account(prints, name), prints.print_of(b"login address", place.encode()) if place else None)


def _of_account(prints: Fingerprinter, name: str) -> bytes:
    return prints.print_of(b"account", name.encode())


def _of_device(prints: Fingerprinter, digest: bytes) -> bytes:
    return prints.print_of(b"device", digest)


def _attempt(connection: Connection, counted: _Counted) -> Attempt:
    # Check all locks before counting: a locked attempt must not count anywhere.
    locked_s = max(guesses.locked_for(connection, who) for who, _ in counted.limits())
    if locked_s:
        return Attempt(0, locked_s)
    own, *others = [guesses.attempt(connection, who, limit) for who, limit in counted.limits()]
    return Attempt(own.failures, max(one.locked_s for one in (own, *others)))


def _let_off(connection: Connection, counted: _Counted, attempt: Attempt) -> None:
    guesses.succeeded(connection, counted.own)
    if counted.address is not None:
        # Only this user's failures: guessing at other accounts must not be reset by each login of one's own.
        guesses.forgive(connection, counted.address, attempt.failures)


def unlock(connection: Connection, prints: Fingerprinter, name: str) -> bool:
    """Unlock a user everywhere, except at locked addresses; False where nothing was locked."""
    devices = [_of_device(prints, digest) for digest in logins.devices_of(connection, name)]
    locks = [guesses.locked_for(connection, who) for who in (_of_account(prints, name), *devices)]
    for who in (_of_account(prints, name), *devices):
        guesses.succeeded(connection, who)
    return any(locks)


def log_out(context: Context, token: str) -> None:
    """End a session."""
    with context.engine.begin() as connection:
        logins.end(connection, digest_of(token))
