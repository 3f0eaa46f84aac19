"""Where Flower is, and whether it runs, as the console's navigation wants to know."""

import socket
from time import monotonic
from urllib.parse import urlsplit

from config.settings import Settings

LOOKED_S = 15.0
WITHIN_S = 0.05
_looked: dict[int, tuple[float, bool]] = {}
"""By port, when somebody looked last and whether it was there."""


def runs(settings: Settings) -> bool:
    """Whether there is a Flower to go to: one behind our public address, or one that listens on this machine."""
    if _is_behind_proxy(settings):
        return True
    port, now = settings.flower_port, monotonic()
    at, was = _looked.get(port, (-LOOKED_S, False))
    if now - at >= LOOKED_S:
        was = _listens(port)
        _looked[port] = (now, was)
    return was


def address(settings: Settings, host: str) -> str:
    """Where it is: a path at our public address, or its port at the name by which the browser came."""
    below = settings.flower_prefix.strip("/")
    path = f"/{below}/" if below else "/"
    if _is_behind_proxy(settings):
        return f"{settings.public_url}{path}"
    if settings.public_url is not None:
        host = urlsplit(settings.public_url).hostname or host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.flower_port}{path}"


def _is_behind_proxy(settings: Settings) -> bool:
    return settings.public_url is not None and bool(settings.flower_prefix.strip("/"))


def _listens(port: int) -> bool:
    """On loopback this is known at once, either way."""
    if not port:
        return False
    try:
        socket.create_connection(("127.0.0.1", port), WITHIN_S).close()
    except OSError:
        return False
    return True
