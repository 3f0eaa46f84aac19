"""The address by which browsers reach the console."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from adapters.addresses import is_loopback


def _check(text: str) -> str:
    fault = _fault(text)
    if fault:
        raise PydanticCustomError("public_url", "{fault}", {"fault": fault})
    return text.rstrip("/").lower()


def _fault(text: str) -> str:
    try:
        parsed = urlsplit(text.strip())
        host, _ = parsed.hostname, parsed.port
    except ValueError:
        return "is not an address, such as https://consent.example"
    if parsed.scheme not in {"http", "https"} or not host:
        return "must be an address, such as https://consent.example"
    if parsed.scheme == "http" and not is_loopback(host):
        return "must begin with https://, but on this machine's loopback"
    if parsed.path.strip("/") or parsed.query or parsed.fragment or "@" in parsed.netloc:
        return "must be scheme, host and port only, such as https://consent.example"
    return ""


PublicUrl = Annotated[str, AfterValidator(_check)]
"""Scheme, host and port, in small letters, without a slash at its end."""
