"""Closing requests whose last delivery is settled."""

from ledger import requests
from tasks.toolbox import Toolbox


def settle(tools: Toolbox, request_id: int | None = None) -> int:
    """Close this request, or every one, that has nothing open any more; returns how many were closed."""
    with tools.engine.begin() as connection:
        return requests.close_settled(connection, request_id)
