"""Text and tables for people at a terminal. What makes them is loaded with the first one: scripts ask for JSON, and
need none of it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

PLAIN_WIDTH = 1_000
"""The width where the output is no terminal: nothing should be cut or wrapped."""


def console(*, stderr: bool = False) -> "Console":
    """Where to write."""
    from rich.console import Console

    found = Console(stderr=stderr)
    return found if found.is_terminal else Console(stderr=stderr, width=PLAIN_WIDTH)


def table(*columns: str) -> "Table":
    """An empty table. More columns can be added to it."""
    from rich import box
    from rich.table import Table

    return Table(*columns, box=box.SIMPLE)


def literal(value: object) -> "Text":
    """A cell that shows a value as it is, whatever brackets it has; nothing for None."""
    from rich.text import Text

    return Text("" if value is None else str(value))
