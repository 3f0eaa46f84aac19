"""Codes that sign a console user in once, within minutes: for anyone who has just started a demonstration."""

from intake.access.tokens import digest_of, mint_token
from ledger.accounts import access, logins
from ledger.session import Connection
from web.access import device as device_cookie
from web.access.password_login import LASTS_S, LoggedIn
from web.context import Context

CODE_LASTS_S = 300.0
_OF_A_CODE = "sign in once: "
"""Put before a code, so that the code itself is no session token."""


def make_code(connection: Connection, name: str) -> str:
    """A code for this user, which must exist."""
    user = access.find_user(connection, name)
    if user is None:
        raise LookupError("no such user")
    code = mint_token()
    logins.begin(connection, user.id, digest_of(_OF_A_CODE + code), lasts_s=CODE_LASTS_S)
    return code


def redeem(context: Context, code: str) -> LoggedIn | None:
    """The code's user with a new session; None where the code is unknown, was used, or is older than five minutes."""
    with context.engine.begin() as connection:
        name = logins.take(connection, digest_of(_OF_A_CODE + code))
        user = access.find_user(connection, name) if name is not None else None
        if user is None:
            return None
        token, device = mint_token(), mint_token()
        logins.begin(connection, user.id, digest_of(token), lasts_s=LASTS_S)
        logins.keep_device(connection, user.id, digest_of(device), lasts_s=device_cookie.LASTS_S)
    return LoggedIn(user, token, device)
