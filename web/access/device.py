"""The cookie of a device that somebody has logged in on."""

from fastapi import Request, Response

from web.access import cookies

NAME = "consent_device"
LASTS_S = 180 * 86_400
"""A device on which nobody has logged in for so long is one like any other."""


def device_shown(request: Request) -> str | None:
    """The token of the device that asks, if it is one; it proves nothing until it is looked up."""
    return cookies.read(request, NAME)


def keep_device(response: Response, token: str, *, secure: bool) -> None:
    """Have the browser keep this token, for our own pages only."""
    cookies.keep(response, NAME, token, seconds=LASTS_S, secure=secure, samesite="strict")
