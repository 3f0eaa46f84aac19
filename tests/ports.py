"""Ports for servers that tests start."""

import secrets
import socket

FIRST, COUNT = 11_000, 11_000
"""Also with the 10,000 more that Redis takes too in cluster mode, these are below those that a system gives to outgoing
connections, one of which might have it before the server starts."""


def free_port() -> int:
    """A TCP port of the loopback that nobody has now, nor will have by chance."""
    while True:
        port = FIRST + secrets.randbelow(COUNT)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
