"""The tables of a report, for people at a terminal."""

from cli.terminal import console, table
from ledger.desk.figures import Figures, Requests

FIGURES = ("received", "people", "done", "in part", "not done", "refused", "withheld", "withdrawn", "open", "at risk")


def print_report(figures: Figures) -> None:
    """Requests in all, by kind and by regulation; deliveries by vendor; exceptions by reason."""
    to = console()
    first, last = figures.period
    to.print(f"requests received from {first} to {last}, both days included (UTC)", highlight=False)
    grid = table("requests")
    for name in (*FIGURES, "mean days", "median days"):
        grid.add_column(name, justify="right")
    for name, one in {"all": figures.all, **figures.kinds, **figures.regulations}.items():
        grid.add_row(name, *_cells(one))
    to.print(grid)
    for vendor, counts in figures.vendors.items():
        said = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items() if count)
        to.print(f"{vendor}: {said}", highlight=False, markup=False)
    if figures.exceptions:
        grid = table("exceptions at", "outcome", "reason")
        grid.add_column("deliveries", justify="right")
        grid.add_column("requests", justify="right")
        for each in figures.exceptions:
            grid.add_row(each.vendor, each.outcome, each.reason or "", f"{each.deliveries:,}", f"{each.requests:,}")
        to.print(grid)


def _cells(one: Requests) -> list[str]:
    days = ("" if value is None else f"{value:.1f}" for value in (one.mean_days, one.median_days))
    return [f"{value:,}" for value in one[: len(FIGURES)]] + [*days]
