"""A report on a period, for programs and spreadsheets."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from answers.as_json import as_utc
from ledger.desk.figures import Figures, Requests

HEADER = ("group", "name", "figure", "reason", "value")
PLACES = 2
"""Decimals of a number of days."""


def report_as_json(figures: Figures) -> Mapping[str, Any]:
    """An object of plain values."""
    return {
        "from": figures.period.first.isoformat(),
        "to": figures.period.last.isoformat(),
        "as_of": as_utc(figures.as_of),
        "requests": _rounded(figures.all),
        "kinds": {name: _rounded(one) for name, one in figures.kinds.items()},
        "regulations": {name: _rounded(one) for name, one in figures.regulations.items()},
        "vendors": figures.vendors,
        "exceptions": [one._asdict() for one in figures.exceptions],
    }


def report_as_csv(figures: Figures) -> str:
    """A row for each figure: of `all`, of a `kind`, a `regulation` or a `vendor`; of the last these are deliveries by
    outcome, and exceptions by reason."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(HEADER)
    rows.writerows(_rows(figures))
    return out.getvalue()


def _rows(figures: Figures) -> Iterator[tuple[object, ...]]:
    groups = {"all": {"": figures.all}, "kind": figures.kinds, "regulation": figures.regulations}
    for group, named in groups.items():
        for name, one in named.items():
            for figure, value in _rounded(one).items():
                yield group, name, figure, "", "" if value is None else value
    for name, counts in figures.vendors.items():
        for outcome, deliveries in counts.items():
            yield "vendor", name, outcome, "", deliveries
    for each in figures.exceptions:
        yield "exception", each.vendor, each.outcome, each.reason or "", each.deliveries


def _rounded(one: Requests) -> dict[str, int | float | None]:
    return {name: round(value, PLACES) if isinstance(value, float) else value for name, value in one._asdict().items()}
