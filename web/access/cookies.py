"""What our cookies are called, and how they are set: over TLS by names that no other host can set for us.

Browsers take a cookie whose name begins with `__Host-` from the very host over TLS only, without a domain and for all
paths: neither a page of a sibling domain nor who answers for us without TLS can put one there (RFC 6265bis, 4.1.3.2).
Over plain http, which we serve on loopback only, they would refuse it, so the name goes without.
"""

from typing import Literal

from fastapi import Request, Response

SESSION = "consent_session"
PREFIX = "__Host-"


def is_secure(request: Request) -> bool:
    """Whether the browser is at the other end of TLS."""
    behind_tls: bool = request.app.state.context.settings.web_behind_tls
    return behind_tls or request.url.scheme == "https"


def read(request: Request, name: str) -> str | None:
    """The cookie of this name that only we can have set."""
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
    """Have the browser keep it for so long; over TLS for all paths."""
    # Lax and not Strict, so that a link in a mail, or from the identity provider, leads in. What changes something also
    # needs Origin.
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
    """Have the browser forget it."""
    keep(response, name, "", seconds=0, secure=secure, path=path)
