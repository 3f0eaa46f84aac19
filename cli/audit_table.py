"""Entries of the audit log as a table."""

from collections.abc import Iterable
from datetime import UTC

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.tables import PLAIN_WIDTH
from ledger.accounts.audit import Written


def print_audit(entries: Iterable[Written]) -> None:
    """A row each."""
    table = Table("number", "when", "by", "from", "action", "of", "allowed", box=box.SIMPLE)
    for one in entries:
        when = f"{one.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        whence = " ".join(part for part in (one.source, one.key_prefix) if part)
        cells = (str(one.id), when, one.by, whence, one.deed, one.target or one.account or "", _allowed(one))
        table.add_row(*map(Text, cells))
    console = Console()
    (console if console.is_terminal else Console(width=PLAIN_WIDTH)).print(table)


def _allowed(entry: Written) -> str:
    if entry.allowed:
        return entry.because or "yes"
    return f"no: {entry.because or entry.status}" if entry.because or entry.status else "no"
