"""Connections to PostgreSQL that notice when nobody is there any more, though nothing says so.

A network may swallow everything without a word. Where the kernel sees it (`NETWORK`), the connection breaks. Where
something between answers for a server that is gone, only silence is left: a statement that has had no answer for
`QUIET_S` has another connection ask the server whether it is still at it. So long work is not cut, and no thread waits
for what will never come.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from time import monotonic
from typing import Any, Self, TypeVar

import psycopg

from ledger.failures import refusal_of

CONNECT_S = 5
QUIET_S = 10.0
ANSWER_S = 5.0
"""For the one that asks. All three together are less than a lease as it comes."""
NETWORK = {
    "connect_timeout": CONNECT_S,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""For libpq: what is sent and not acknowledged for 15 s, or three silent probes, break a connection. Unix sockets
ignore them."""

T = TypeVar("T")


class WatchedConnection(psycopg.Connection[Any]):
    """One that raises psycopg.OperationalError, and is closed, where its server has fallen silent."""

    ask: "Callable[[], WatchedConnection] | None" = None
    """Makes the connection to ask by; None: silence is taken for the end."""
    backend: int | None = None
    """The process that serves it; behind a pooler that of the present transaction."""

    @classmethod
    def open(cls, arguments: tuple[Any, ...], given: Mapping[str, Any], *, pooled: bool) -> Self:
        """Connect, with what psycopg.connect takes. Raises psycopg.Error."""
        connection = cls.connect(*arguments, **given)
        connection.ask = lambda: cls.connect(*arguments, **{**given, "autocommit": True, "prepare_threshold": None})
        connection.backend = None if pooled else connection.info.backend_pid
        return connection

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **more: Any) -> T:
        """psycopg's own, which waits for ever."""
        return super().wait(self._watched(gen), *args, **more)

    def _watched(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        try:
            wanted = next(gen)
            heard = monotonic()
            while True:
                ready = yield wanted
                if ready:
                    heard = monotonic()
                elif monotonic() - heard >= (ANSWER_S if self.ask is None else QUIET_S):
                    if not self._is_served():
                        self.pgconn.finish()
                        raise psycopg.OperationalError("the server has fallen silent")
                    heard = monotonic()
                wanted = gen.send(ready)
        except StopIteration as end:
            result: T = end.value
            return result

    def _is_served(self) -> bool:
        """Whether the server says that it is at what this connection waits for."""
        if self.ask is None:
            return False
        try:
            with closing(self.ask()) as other:
                found = other.execute(_STATE, (self.backend,)).fetchone()
        except psycopg.Error as error:
            return refusal_of(error) is not None  # it lives, and has no room to be asked
        return found is not None and bool(found[0])


# One that waits for its client while its client waits for it has lost what was between them.
_STATE = """
    SELECT state = 'disabled' OR state LIKE 'active%%' AND wait_event_type IS DISTINCT FROM 'Client'
    FROM pg_stat_activity WHERE pid = %s
"""
