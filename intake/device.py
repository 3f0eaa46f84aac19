"""The cookie of a device that somebody has logged in on."""

from fastapi import Request, Response

NAME = "consent_device"
LASTS_S = 180 * 86_400.0
"""A device on which nobody has logged in for so long is one like any other."""


def device_shown(request: Request) -> str | None:
    """The token of the device that asks, if it is one; it proves nothing until it is looked up."""
    return request.cookies.get(_name(request))


def keep_device(request: Request, response: Response, token: str) -> None:
    """Have the browser keep this token, for our own pages only."""
    response.set_cookie(
        _name(request),
        token,
        max_age=int(LASTS_S),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def _name(request: Request) -> str:
    # With this prefix browsers take it over TLS only, and from no other host: a sister domain cannot plant its own.
    return f"__Host-{NAME}" if request.url.scheme == "https" else NAME
