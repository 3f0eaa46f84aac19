"""A way to ask the ledger that says nothing of who asks: SQLAlchemy in processes that stay, psycopg in commands that
read one thing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Ask = Callable[[str, Mapping[str, object]], Sequence[Any]]
"""Executes a statement with its parameters (`:name`) and returns its rows, which have their columns as attributes."""
