"""Closing requests whose last delivery is settled."""

from ledger.delivery import cancelling, successions
from ledger.requests import closing
from ledger.session import Connection
from tasks.toolbox import Toolbox


def settle(tools: Toolbox, request_id: int | None = None) -> int:
    """Close this request, or every one, that has nothing open any more; returns how many were closed.

    For every one: what was under way when its request was cancelled, and has since come back, is cancelled too.
    """
    with tools.engine.begin() as connection:
        if request_id is None:
            cancelling.sweep(connection)
        closed = close(connection, request_id)
    if closed:
        tools.wake_courier()
    return closed


def close(connection: Connection, request_id: int | None = None) -> int:
    """Do so in the caller's transaction."""
    closed = closing.close_settled(connection, request_id)
    # What gave way to them at the very moment in which they ended.
    successions.follow_up_all(connection, closed.successors)
    return closed.number
