"""The names of our cookies, and how they are set: over TLS with names that no other host can set.

Browsers accept a cookie whose name begins with `__Host-` only over TLS from the host itself, without a domain and for
all paths: neither a page of a sibling domain nor a host that imitates us without TLS can set one (RFC 6265bis,
4.1.3.2). Over plain http, which we serve on loopback only, browsers refuse such names, so the prefix is left out, and
the port is in the name of the session's: browsers send a cookie to all ports of a host, and two stacks on one machine
would sign each other's users out.
"""

from typing import Literal

from fastapi import Request, Response

from config.settings import Settings

SESSION = "consent_session"
PREFIX = "__Host-"


def is_secure(request: Request) -> bool:
    """Whether the browser uses TLS."""
    settings: Settings = request.app.state.context.settings
    if settings.public_url is not None:
        return settings.public_url.startswith("https://")
    return settings.web_behind_tls or request.url.scheme == "https"


def plain_name(request: Request, name: str) -> str:
    """The name of a cookie that is not for TLS only; that of a session carries our port."""
    server = request.scope.get("server")
    return f"{name}_{server[1]}" if name == SESSION and server and server[1] else name


def read(request: Request, name: str) -> str | None:
    """The cookie of this name, which only we can have set."""
    found = request.cookies.get(PREFIX + name)
    if found is None and not is_secure(request):
        return request.cookies.get(plain_name(request, name))
    return found


def keep(
    request: Request,
    response: Response,
    name: str,
    value: str,
    *,
    seconds: int,
    secure: bool | None = None,
    path: str = "/",
    samesite: Literal["lax", "strict"] = "lax",
) -> None:
    """Set a cookie for so many seconds; over TLS for all paths. `secure`: None as the browser came."""
    secure = is_secure(request) if secure is None else secure
    # Lax and not Strict, so that a link in a mail, or from the identity provider, works. Changes are also checked by
    # Origin.
    response.set_cookie(
        PREFIX + name if secure else plain_name(request, name),
        value,
        max_age=seconds,
        path="/" if secure else path,
        httponly=True,
        samesite=samesite,
        secure=secure,
    )


def drop(request: Request, response: Response, name: str, *, secure: bool | None = None, path: str = "/") -> None:
    """Delete the cookie."""
    keep(request, response, name, "", seconds=0, secure=secure, path=path)
