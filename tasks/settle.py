"""Closing requests whose last delivery is settled."""

from ledger.delivery import cancelling, successions
from ledger.requests import closing
from ledger.session import Connection
from tasks.toolbox import Toolbox


def settle(tools: Toolbox, request_id: int | None = None) -> int:
    """Close this request, or every request, that has nothing open any more; returns how many were closed.

    For every request, also cancel what was under way when it was cancelled, and has come back since.
    """
    with tools.engine.begin() as connection:
        if request_id is None:
            cancelling.sweep(connection)
        closed = close(connection, request_id)
    if closed:
        tools.wake_courier()
    return closed


def close(connection: Connection, request_id: int | None = None) -> int:
    """Do it in the caller's transaction."""
    closed = closing.close_settled(connection, request_id)
    # Wishes that gave way to a delivery in the moment in which it ended.
    successions.follow_up_all(connection, closed.successors)
    return closed.number
