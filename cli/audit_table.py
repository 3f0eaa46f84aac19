"""Entries of the audit log as a table."""

from collections.abc import Iterable
from datetime import UTC

from cli.terminal import console, literal, table
from ledger.accounts.audit import Written


def print_audit(entries: Iterable[Written]) -> None:
    """A row each."""
    grid = table("number", "when", "by", "from", "action", "of", "allowed")
    for one in entries:
        when = f"{one.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        whence = " ".join(part for part in (one.source, one.key_prefix) if part)
        cells = (str(one.id), when, one.by, whence, one.deed, one.target or one.account or "", _allowed(one))
        grid.add_row(*map(literal, cells))
    console().print(grid)


def _allowed(entry: Written) -> str:
    if entry.allowed:
        return entry.because or "yes"
    return f"no: {entry.because or entry.status}" if entry.because or entry.status else "no"
