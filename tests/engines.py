"""The engines of the tests' ledger, which thousands of tests share: their connections live as long as the run.

Half of what PostgreSQL did in a test was to read and to plan statements that it had planned for the test before. So
each connection prepares a statement when it comes again, keeps it, and plans it once. And one in six round trips asked
whether a connection lives: here the socket tells.
"""

import os
import select
import threading
from typing import Any

import psycopg
from psycopg._preparing import PrepareManager
from sqlalchemy import Engine, event

from ledger.session import connect


class Kept(PrepareManager):
    """Keeps prepared statements over a rollback. psycopg forgets them all, as somebody may have made tables anew."""

    prepare_threshold = 1
    prepared_max = 2_000

    def clear(self) -> bool:
        return False


def connect_for_long(url: str) -> Engine:
    """The ledger at `url`, for all tests of a process. Connections that were ended on purpose are replaced."""
    engine = connect(url)
    engine.dialect.do_ping = _is_quiet
    event.listen(engine, "connect", _keep_plans)
    return engine


def _is_quiet(connection: psycopg.Connection[object]) -> bool:
    """Whether nothing has come from the server, which says something only where it ends the connection."""
    heard = select.poll()  # which takes any number of a socket, where select() takes those up to 1,024
    heard.register(connection.fileno(), select.POLLIN)
    return not heard.poll(0)


def _keep_plans(connection: psycopg.Connection[object], _: object) -> None:
    connection._prepared = Kept()  # psycopg has no public way
    connection.execute("SET plan_cache_mode = force_generic_plan")
    connection.commit()


class OfCommands:
    """The engines of commands that run in this process, at the ledger of the run. To connect for each, whose catalogue
    PostgreSQL then reads anew, takes as much as what the command does."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._kept: dict[tuple[tuple[str, Any], ...], Engine] = {}

    def connect(self, url: str, **given: Any) -> Engine:
        """As `ledger.session.connect`. One that is kept is not disposed of by the command that asked for it."""
        is_alone = threading.current_thread() is threading.main_thread()
        if url != self._url or not is_alone or "PGOPTIONS" in os.environ:
            return connect(url, **given)
        like = tuple(sorted(given.items()))
        if like not in self._kept:
            self._kept[like] = connect(url, **given)
            vars(self._kept[like])["dispose"] = lambda: None
        return self._kept[like]

    def close(self) -> None:
        for engine in self._kept.values():
            del vars(engine)["dispose"]
            engine.dispose()
