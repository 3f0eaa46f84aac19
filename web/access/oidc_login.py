"""The ledger's part of a login with an identity provider: begun, resumed once, ended. Each runs in a thread."""

import re
import secrets
import time

from adapters.id_token import Denial, DeniedError
from adapters.identity_provider import Once
from intake.access.tokens import digest_of, mint_token, same
from ledger.accounts import access, guesses, logins, once
from ledger.accounts.guesses import Attempt
from ledger.sealing import Fingerprinter
from web.access import device as device_cookie
from web.access.password_login import LASTS_S, LoggedIn
from web.context import Context
from web.networks import network_of

WITHIN_S = 600
"""An older login must be started again."""
TOKEN = re.compile(r"[\w-]{1,100}", re.ASCII)


def begin(context: Context, device: str | None = None) -> tuple[str, Once]:
    """A new login: the browser's part, and what the provider is sent. `device`: the device's token. It is stored with
    the login, because the browser does not send it on a redirect from another site."""
    shown = device if device and TOKEN.fullmatch(device) else ""
    begun = f"{int(time.time())}.{secrets.token_urlsafe(32)}.{shown}"
    return begun, _once(context.known().prints, begun)


def device_of(begun: str) -> str | None:
    """The token of the device that began this login."""
    return begun.rpartition(".")[2] or None


def _once(prints: Fingerprinter, begun: str) -> Once:
    """All of it is derived with our key from the browser's part, so `state` proves that the part is ours and
    unchanged."""
    parts = (b"oidc state", b"oidc nonce", b"oidc verifier 1", b"oidc verifier 2")
    state, nonce, *verifier = (prints.print_of(part, begun.encode()).hex() for part in parts)
    return Once(state, nonce, "".join(verifier))


def resume(context: Context, begun: str, state: str, host: str) -> Once | Attempt:
    """The login that this browser began, returned once; or how long the address is locked.

    Raises DeniedError.
    """
    prints = context.known().prints
    found = _once(prints, begun)
    if not same(found.state.encode(), state.encode()) or time.time() - int(begun.partition(".")[0]) > WITHIN_S:
        raise DeniedError(Denial.STATE)
    with context.engine.begin() as connection:
        locked_s = guesses.locked_for(connection, _address(prints, host))
        if locked_s:
            return Attempt(0, locked_s)
        if not once.spend(connection, digest_of(state), for_s=WITHIN_S):
            raise DeniedError(Denial.STATE)
    return found


def end(context: Context, email: str, host: str, device: str | None = None) -> LoggedIn:
    """Log in the user whom the provider names, on the device of this token. Raises DeniedError.

    A lock on the account is ignored: it is against guessed passwords, and no password was guessed here.
    """
    token = mint_token()
    with context.engine.begin() as connection:
        user = access.find_user(connection, email)
        if user is None:
            raise DeniedError(Denial.UNKNOWN)
        guesses.succeeded(connection, _address(context.known().prints, host))
        logins.begin(connection, user.id, digest_of(token), lasts_s=LASTS_S)
        known = device if device and logins.is_device(connection, digest_of(device), user.name) else mint_token()
        logins.keep_device(connection, user.id, digest_of(known), lasts_s=device_cookie.LASTS_S)
    return LoggedIn(user, token, known)


def failed(context: Context, host: str) -> Attempt:
    """Count a failed code by the address that it came from: whose it should have been is unknown."""
    with context.engine.begin() as connection:
        return guesses.attempt(connection, _address(context.known().prints, host))


def _address(prints: Fingerprinter, host: str) -> bytes:
    return prints.print_of(b"oidc address", network_of(host).encode())
