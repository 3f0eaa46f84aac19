"""The cookie of a device on which somebody has logged in."""

from fastapi import Request, Response

from web.access import cookies

NAME = "consent_device"
LASTS_S = 180 * 86_400
"""After this long without a login, a device is no longer known."""


def device_shown(request: Request) -> str | None:
    """The token of the requesting device, if any; it proves nothing until it is looked up."""
    return cookies.read(request, NAME)


def keep_device(request: Request, response: Response, token: str, *, secure: bool | None = None) -> None:
    """Set the cookie with this token, for our own pages only."""
    cookies.keep(request, response, NAME, token, seconds=LASTS_S, secure=secure, samesite="strict")
