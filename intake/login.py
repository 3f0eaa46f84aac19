"""Logging console users in: a password checked at its own pace, failures counted over all processes."""

from intake.door import Door
from intake.passwords import hash_password, is_outdated, is_password
from intake.secrets import digest_of, mint_token
from ledger import access, guesses
from ledger.access import FoundUser
from ledger.guesses import Attempt

LASTS_S = 12 * 3600.0
"""A working day; after that one logs in anew."""


def log_in(door: Door, name: str, password: str) -> tuple[FoundUser, str] | Attempt:
    """A user and the token of a new session; or the failed attempt, also where it was not looked at for a lock.

    Takes a tenth of a second and 64 MB, as Argon2id should. Each name is locked by itself, whether it exists or not.
    """
    who = door.known().prints.print_of(b"account", name.encode())
    with door.engine.begin() as connection:
        attempt = guesses.attempt(connection, who)
        user = access.find_user(connection, name)
    if attempt.locked_s:
        return attempt
    if not is_password(password, user.password_hash if user is not None else None) or user is None:
        return attempt
    token = mint_token()
    with door.engine.begin() as connection:
        guesses.succeeded(connection, who)
        if is_outdated(user.password_hash):
            access.rehash(connection, user.id, hash_password(password))
        access.begin_login(connection, user.id, digest_of(token), lasts_s=LASTS_S)
    return user, token


def log_out(door: Door, token: str) -> None:
    """End a session."""
    with door.engine.begin() as connection:
        access.end_login(connection, digest_of(token))
