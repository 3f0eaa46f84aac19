"""How far a request has come, as bars and sentences say it."""

from collections.abc import Mapping
from typing import NamedTuple

from domain.counted import counted
from ledger.desk.status import PENDING, Status
from web.console.words import say_outcome

TONES = ("good", "quiet", "bad", "busy")
"""In the order in which they stand in a bar; what is pending is last."""


class Part(NamedTuple):
    """A stretch of a bar, in hundredths of it."""

    tone: str
    start: float
    width: float


class Bar(NamedTuple):
    """Deliveries by how they stand."""

    parts: list[Part]
    total: int
    pending: int
    counts: list[tuple[str, int]]
    """Outcome to deliveries, without those that there are none of; pending first."""

    @property
    def said(self) -> str:
        """For anyone who cannot see it."""
        return ", ".join(f"{say_outcome(name).text}: {count:,}" for name, count in self.counts) or "nothing to do"

    @property
    def percent(self) -> int:
        """How much has ended; 100 only where all has."""
        return 100 if not self.pending else min(99, 100 * (self.total - self.pending) // max(1, self.total))


class Progress(NamedTuple):
    """A request, and how it does at each vendor."""

    status: Status
    whole: Bar
    vendors: dict[str, Bar]

    @property
    def time_left(self) -> str:
        """How long it may take still, at the pace that it had so far; empty where that cannot be told."""
        done = self.whole.total - self.whole.pending
        began = max(self.status.received_at, self.status.not_before)
        lasted_s = (self.status.now - began).total_seconds()
        if self.status.status != "running" or not self.whole.pending or not done or lasted_s < 1:
            return ""
        return say_duration(lasted_s * self.whole.pending / done)

    @property
    def pace(self) -> str:
        """How many deliveries ended a second so far; empty where that cannot be told."""
        done = self.whole.total - self.whole.pending
        lasted_s = (self.status.now - max(self.status.received_at, self.status.not_before)).total_seconds()
        if self.status.status != "running" or not done or lasted_s < 1:
            return ""
        per_s = done / lasted_s
        return f"{per_s:,.0f} a second" if per_s >= 1 else f"{max(1, round(per_s * 60)):,} a minute"


def progress_of(status: Status) -> Progress:
    """The bars of a request."""
    vendors = {name: _bar(counts) for name, counts in status.vendors.items()}
    whole: dict[str, int] = {}
    for counts in status.vendors.values():
        for name, count in counts.items():
            whole[name] = whole.get(name, 0) + count
    return Progress(status, _bar(whole), vendors)


def _bar(counts: Mapping[str, int]) -> Bar:
    there = sorted(((name, count) for name, count in counts.items() if count), key=_place)
    total = sum(count for _, count in there)
    parts: list[Part] = []
    start = 0.0
    for tone in TONES:
        share = sum(count for name, count in there if say_outcome(name).tone == tone)
        if share:
            width = 100 * share / total
            parts.append(Part(tone, round(start, 3), round(width, 3)))
            start += width
    return Bar(parts, total, counts.get(PENDING, 0), there)


def _place(one: tuple[str, int]) -> tuple[bool, int]:
    return one[0] != PENDING, -one[1]


def say_duration(seconds: float) -> str:
    """About how long, in one unit."""
    if seconds < 90:
        return "1 minute"
    if seconds < 5_400:
        return counted(round(seconds / 60), "minute")
    if seconds < 129_600:
        return counted(round(seconds / 3_600), "hour")
    return counted(round(seconds / 86_400), "day")
