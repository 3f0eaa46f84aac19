"""Charts as tables: what `charts.js` draws, and what is read without it."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from ledger.desk.timeline import Minute, Timeline


class Chart(NamedTuple):
    """A line for each series, over moments."""

    series: list[str]
    rows: list[tuple[datetime, list[int]]]
    said: str
    """What it shows, and how exactly."""


def ended_by_vendor(timeline: Timeline, began: datetime) -> Chart:
    """How many deliveries had ended at each vendor, from when it began."""
    vendors = sorted({bucket.vendor for bucket in timeline.buckets})
    so_far = dict.fromkeys(vendors, 0.0)
    rows = [(began, [0] * len(vendors))]
    for at in sorted({bucket.at for bucket in timeline.buckets}):
        for bucket in timeline.buckets:
            if bucket.at == at:
                so_far[bucket.vendor] += bucket.ended
        rows.append((at, [round(so_far[vendor]) for vendor in vendors]))
    exactness = "" if timeline.step == 1 else f", about: told from every {timeline.step:,}th person"
    return Chart(vendors, rows, f"Deliveries ended at each vendor{exactness}")


def ended_a_minute(rate: Sequence[Minute]) -> Chart:
    """How many deliveries of what runs ended a minute, in the last hour."""
    rows = [(one.at, [round(one.per_minute)]) for one in rate]
    return Chart(["ended a minute"], rows, "Deliveries ended a minute in the last hour, of what runs now")
