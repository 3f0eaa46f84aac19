"""Rows as PostgreSQL may give them: it promises an order only where a statement asks for one.

A table that was emptied and vacuumed is filled from its gaps, so that a test which relied on the order of insertion
would fail once in a hundred runs. Here it fails at once.
"""

from collections.abc import Iterable
from typing import Any


def rows_as_promised(statement: str, rows: Iterable[Iterable[Any]]) -> list[tuple[Any, ...]]:
    """Rows that this statement gave: backwards, unless it orders them."""
    given = [tuple(row) for row in rows]
    return given if "ORDER BY" in statement.upper() else given[::-1]
