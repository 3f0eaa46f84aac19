"""The type of a function that asks the ledger. Processes that stay ask by SQLAlchemy, commands that read one thing by
psycopg."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Ask = Callable[[str, Mapping[str, object]], Sequence[Any]]
"""Executes a statement with its parameters (`:name`) and returns its rows, which have their columns as attributes."""
