"""What a login with an identity provider needs of the ledger: begun, resumed once, ended. Each runs in a thread."""

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
"""A login begun longer ago is begun anew."""
TOKEN = re.compile(r"[\w-]{1,100}", re.ASCII)


def begin(context: Context, device: str | None = None) -> tuple[str, Once]:
    """A new login: what the browser keeps of it, and what the provider is told. `device`: the token that the browser
    shows. It is kept along, for the browser does not show it to who comes back from another site."""
    shown = device if device and TOKEN.fullmatch(device) else ""
    begun = f"{int(time.time())}.{secrets.token_urlsafe(32)}.{shown}"
    return begun, _once(context.known().prints, begun)


def device_of(begun: str) -> str | None:
    """The token of the device on which this login was begun."""
    return begun.rpartition(".")[2] or None


def _once(prints: Fingerprinter, begun: str) -> Once:
    """All of it is derived under our key from what the browser keeps, so `state` proves that to be ours, unchanged."""
    parts = (b"oidc state", b"oidc nonce", b"oidc verifier 1", b"oidc verifier 2")
    state, nonce, *verifier = (prints.print_of(part, begun.encode()).hex() for part in parts)
    return Once(state, nonce, "".join(verifier))


def resume(context: Context, begun: str, state: str, host: str) -> Once | Attempt:
    """The login that this browser began, given out once; or how long the address may not try.

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
    """The user whom the provider vouches for, logged in on this device: the token that it shows. Raises DeniedError.

    A lock on the account is not looked at: it is for those who guess its password, and nobody guessed here.
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
    """Count a code that let nobody in, by the address it came from: whose it should have been is not known."""
    with context.engine.begin() as connection:
        return guesses.attempt(connection, _address(context.known().prints, host))


def _address(prints: Fingerprinter, host: str) -> bytes:
    return prints.print_of(b"oidc address", network_of(host).encode())
