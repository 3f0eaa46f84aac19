"""The tables of a report, for people at a terminal."""

from rich import box
from rich.console import Console
from rich.table import Table

from cli.tables import PLAIN_WIDTH
from ledger.desk.figures import Figures, Requests

FIGURES = ("received", "people", "done", "in part", "not done", "refused", "withdrawn", "open", "at risk")


def print_report(figures: Figures) -> None:
    """Requests in all, by kind and by regulation; deliveries by vendor; exceptions by reason."""
    console = Console()
    to = console if console.is_terminal else Console(width=PLAIN_WIDTH)
    first, last = figures.period
    to.print(f"requests received from {first} to {last}, both days included (UTC)", highlight=False)
    table = Table("requests", box=box.SIMPLE)
    for name in (*FIGURES, "mean days", "median days"):
        table.add_column(name, justify="right")
    for name, one in {"all": figures.all, **figures.kinds, **figures.regulations}.items():
        table.add_row(name, *_cells(one))
    to.print(table)
    for vendor, counts in figures.vendors.items():
        said = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items() if count)
        to.print(f"{vendor}: {said}", highlight=False, markup=False)
    if figures.exceptions:
        table = Table("exceptions at", "outcome", "reason", box=box.SIMPLE)
        table.add_column("deliveries", justify="right")
        table.add_column("requests", justify="right")
        for each in figures.exceptions:
            table.add_row(each.vendor, each.outcome, each.reason or "", f"{each.deliveries:,}", f"{each.requests:,}")
        to.print(table)


def _cells(one: Requests) -> list[str]:
    days = ("" if value is None else f"{value:.1f}" for value in (one.mean_days, one.median_days))
    return [f"{value:,}" for value in one[: len(FIGURES)]] + [*days]
