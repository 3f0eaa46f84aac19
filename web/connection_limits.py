"""Limits the connections of one address: newer ones replace idle ones, and are refused while all are busy."""

from typing import Protocol

MOST_PER_ADDRESS = 250


class Connection(Protocol):
    """What we need of a connection."""

    @property
    def is_idle(self) -> bool:
        """Whether it has no request, not even a partial one."""

    def hang_up(self) -> None:
        """Close it."""


class Callers:
    """The open connections of a web process, by address, oldest first. `bounded=False`: all come from a proxy, which
    limits its own callers."""

    def __init__(self, *, bounded: bool = True) -> None:
        self._bounded = bounded
        self._open: dict[str, dict[Connection, None]] = {}

    def came(self, who: str, connection: Connection) -> bool:
        """A connection was made; returns whether there is room for it."""
        own = self._open.setdefault(who, {})
        own[connection] = None
        if not self._bounded or len(own) <= MOST_PER_ADDRESS:
            return True
        idle = next((one for one in own if one is not connection and one.is_idle), None)
        if idle is None:
            return False
        idle.hang_up()
        return True

    def went(self, who: str, connection: Connection) -> None:
        """It is closed."""
        own = self._open.get(who, {})
        own.pop(connection, None)
        if not own:
            self._open.pop(who, None)
