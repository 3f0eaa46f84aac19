"""Queues password checks: few at once, a line for each address, and known devices beside all of them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from web.pool import BusyError, Pool

T = TypeVar("T")
MOST_OF_ONE = 16
"""How many attempts of one address may wait; one of them is checked at a time."""
MOST_WAITING = 128
"""How many attempts may wait in all: each takes a tenth of a second of two threads."""


@dataclass
class _Line:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    inside: int = 0


class LoginQueue:
    """A stranger who sends a hundred attempts at once only delays their own. A check takes processor and memory on
    purpose, so few run at once; one from a known device waits behind no stranger's."""

    def __init__(self) -> None:
        self._strangers = Pool("login", at_once=2, waiting=MOST_WAITING)
        self._devices = Pool("device-login", at_once=1, waiting=MOST_OF_ONE)
        self._lines: dict[str, _Line] = {}
        self._inside = 0

    async def run(self, check: Callable[[], T], address: str, *, known_device: bool) -> T:
        """Check a password in a thread, when it is this address's turn. Raises BusyError, and what the check raises."""
        if known_device:
            return await self._devices.run(check)
        line = self._lines.setdefault(address, _Line())
        if line.inside >= MOST_OF_ONE or self._inside >= MOST_WAITING:
            raise BusyError
        line.inside += 1
        self._inside += 1
        try:
            async with line.turn:
                return await self._strangers.run(check)
        finally:
            self._inside -= 1
            line.inside -= 1
            if not line.inside:
                del self._lines[address]

    def close(self) -> None:
        """Stop checking."""
        self._strangers.close()
        self._devices.close()
