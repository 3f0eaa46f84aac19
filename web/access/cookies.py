"""The names of our cookies, and how they are set: over TLS with names that no other host can set.

Browsers accept a cookie whose name begins with `__Host-` only over TLS from the host itself, without a domain and for
all paths: neither a page of a sibling domain nor a host that imitates us without TLS can set one (RFC 6265bis,
4.1.3.2). Over plain http, which we serve on loopback only, browsers refuse such names, so the prefix is left out.
"""

from typing import Literal

from fastapi import Request, Response

SESSION = "consent_session"
PREFIX = "__Host-"


def is_secure(request: Request) -> bool:
    """Whether the browser uses TLS."""
    behind_tls: bool = request.app.state.context.settings.web_behind_tls
    return behind_tls or request.url.scheme == "https"


def read(request: Request, name: str) -> str | None:
    """The cookie of this name, which only we can have set."""
    found = request.cookies.get(PREFIX + name)
    return request.cookies.get(name) if found is None and not is_secure(request) else found


def keep(
    response: Response,
    name: str,
    value: str,
    *,
    seconds: int,
    secure: bool,
    path: str = "/",
    samesite: Literal["lax", "strict"] = "lax",
) -> None:
    """Set a cookie for so many seconds; over TLS for all paths."""
    # Lax and not Strict, so that a link in a mail, or from the identity provider, works. Changes are also checked by
    # Origin.
    response.set_cookie(
        PREFIX + name if secure else name,
        value,
        max_age=seconds,
        path="/" if secure else path,
        httponly=True,
        samesite=samesite,
        secure=secure,
    )


def drop(response: Response, name: str, *, secure: bool, path: str = "/") -> None:
    """Delete the cookie."""
    keep(response, name, "", seconds=0, secure=secure, path=path)
