"""What `consent restored` says of a report."""

from datetime import UTC, datetime

from cli.restored import _lines
from tasks.restored import Report


def test_legal_holds_that_are_lost_are_named() -> None:
    report = Report(datetime(2026, 11, 30, tzinfo=UTC), 10, 20, complete=True, legal_holds={7: "litigation"})
    said = list(_lines(report))
    assert said[-1] == "  legal hold 7  litigation"
    assert "add them again" in said[-2]
