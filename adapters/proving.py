"""Completes a built request before it is sent: its token, the token's address, its signature."""

from datetime import datetime

import httpx

from adapters.contract import Adapter, Signs, Token


def with_token(request: httpx.Request, token: Token, base_url: str) -> httpx.Request:
    """The request with its bearer token. Where the token came with an address, the request goes there: `base_url` is
    the one that it was built with."""
    if token.base_url:
        request = _moved(request, httpx.URL(base_url), httpx.URL(token.base_url))
    request.headers["Authorization"] = f"Bearer {token.get_secret_value()}"
    return request


def signed(adapter: Adapter, request: httpx.Request, now: datetime) -> httpx.Request:
    """The request as it is sent."""
    return adapter.sign(request, now) if isinstance(adapter, Signs) else request


def _moved(request: httpx.Request, built: httpx.URL, to: httpx.URL) -> httpx.Request:
    below = _folder(built)
    url, path = request.url, request.url.raw_path
    if (url.scheme, url.host, url.port) != (built.scheme, built.host, built.port) or not path.startswith(below):
        return request  # it was built for an address that tokens do not change
    moved = url.copy_with(scheme=to.scheme, host=to.host, port=to.port, raw_path=_folder(to) + path[len(below) :])
    headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"host"]
    return httpx.Request(request.method, moved, headers=headers, content=request.content)


def _folder(url: httpx.URL) -> bytes:
    return url.raw_path.rstrip(b"/")
