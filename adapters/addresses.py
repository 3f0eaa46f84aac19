"""Which addresses may be sent to: https, or this machine."""

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx


def refuse_plain_http(url: httpx.URL) -> None:
    """Raise ValueError unless `url` is https, or http to this machine."""
    if url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host)):
        return
    raise ValueError("must be an https address; plain http is only for loopback")


def check_address(address: str) -> str:
    """Return the address. Raises ValueError unless it may be sent to."""
    try:
        url, port = httpx.URL(address), urlsplit(address).port  # urlsplit checks ports that httpx does not, and raises
    except (httpx.InvalidURL, ValueError):
        raise ValueError("must be an address, as in https://example.com") from None
    refuse_plain_http(url)
    if not url.host or port == 0:
        raise ValueError("must name a host, and no port 0")
    return address


def check_base_url(address: str) -> str:
    """Return the address without a slash at its end. Raises ValueError unless the paths of an API can follow it."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        raise ValueError("is not an address") from None
    refuse_plain_http(url)
    if not url.host or url.userinfo or url.query or url.fragment:
        raise ValueError("must be a host and a path only: no user, query or fragment")
    return address.rstrip("/")


@lru_cache(maxsize=64)
def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
