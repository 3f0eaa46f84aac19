"""Connections to PostgreSQL that notice a dead server, even if nothing reports it.

A network may drop everything silently. Where the kernel sees it (`NETWORK`), the connection breaks. Where something in
between answers for a dead server, only silence is left: if a statement has had no answer for `QUIET_S`, another
connection asks the server whether it is still working on it. So long work is not cut off, and no thread waits for ever.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from time import monotonic
from typing import Any, Self, TypeVar

import psycopg

from ledger.troubles import refusal_of

QUIET_S = 10.0
ANSWER_S = 5.0
"""Limits for the asking connection. With the time to connect they are less than a usual lease."""

T = TypeVar("T")


class WatchedConnection(psycopg.Connection[Any]):
    """A connection that raises psycopg.OperationalError, and is closed, when its server has gone silent."""

    ask: "Callable[[], WatchedConnection] | None" = None
    """Makes the connection to ask by; None: silence means that the server is dead."""
    backend: int | None = None
    """Its backend process; behind a pooler, that of the present transaction."""

    @classmethod
    def open(cls, arguments: tuple[Any, ...], given: Mapping[str, Any], *, pooled: bool) -> Self:
        """Connect, with psycopg.connect's arguments. Raises psycopg.Error."""
        connection = cls.connect(*arguments, **given)
        connection.ask = lambda: cls.connect(*arguments, **{**given, "autocommit": True, "prepare_threshold": None})
        connection.backend = None if pooled else connection.info.backend_pid
        return connection

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **more: Any) -> T:
        """psycopg's own method, which waits for ever."""
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
                    # Asked a moment ago, it may have answered since: what it has sent is looked for once more.
                    if not self._is_served() and not (ready := (yield wanted)):
                        self.pgconn.finish()
                        raise psycopg.OperationalError("the server has fallen silent")
                    heard = monotonic()
                wanted = gen.send(ready)
        except StopIteration as end:
            result: T = end.value
            return result

    def _is_served(self) -> bool:
        """Whether the server says that it works on what this connection waits for."""
        if self.ask is None:
            return False
        try:
            with closing(self.ask()) as other:
                found = other.execute(_STATE, (self.backend,)).fetchone()
        except psycopg.Error as error:
            return refusal_of(error) is not None  # it lives, and has no free connection to be asked by
        return found is not None and bool(found[0])


# If it waits for its client while the client waits for it, what was between them is lost.
_STATE = """
    SELECT state = 'disabled' OR state LIKE 'active%%' AND wait_event_type IS DISTINCT FROM 'Client'
    FROM pg_stat_activity WHERE pid = %s
"""
