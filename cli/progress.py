"""Live progress for people at a terminal."""

from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from cli.moment import OPEN, Moment
from ledger.desk.status import PENDING

PLAIN_EVERY_S = 2.0


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed and not task.finished else "")


class Bars:
    """A live bar for each vendor, with its rate and the time left."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
        self._progress = Progress(*columns, TextColumn("{task.fields[remark]}"), console=console)
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, moment: Moment) -> None:
        """Update every bar."""
        for vendor in moment.status.vendors:
            settled, remark = moment.settled(vendor), moment.remark(vendor)
            if vendor in self._bars:
                self._progress.update(self._bars[vendor], completed=settled, remark=remark)
            else:  # what is settled already does not count for the rate
                total = moment.status.subjects
                self._bars[vendor] = self._progress.add_task(vendor, total=total, completed=settled, remark=remark)


class PlainLines:
    """The same for a log: a line now and then when something has changed, and one at the end."""

    def __init__(self, console: Console) -> None:
        self._out = console.file
        self._first: Moment | None = None
        self._last: Moment | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, moment: Moment) -> None:
        """Write a line, unless nothing has changed or the last line is too recent."""
        self._first = first = self._first or moment
        over = moment.status.status not in OPEN
        if self._last and not over and self._says_no_more(self._last, moment):
            return
        self._last = moment
        for vendor in moment.status.vendors:
            self._out.write(f"{_clock(moment.at_s - first.at_s)} {vendor} {_plain(first, moment, vendor)}\n")
        if over:
            self._out.write(f"{_clock(moment.at_s - first.at_s)} {moment.status.status}\n")
        self._out.flush()

    def _says_no_more(self, last: Moment, now: Moment) -> bool:
        return now.same_as(last) or now.at_s - last.at_s < PLAIN_EVERY_S


def _plain(first: Moment, now: Moment, vendor: str) -> str:
    settled, passed = now.settled(vendor), now.at_s - first.at_s
    rate = (settled - first.settled(vendor)) / passed if passed else 0.0
    pending = now.status.vendors[vendor][PENDING]
    pace = f"{rate:,.0f}/s, {_clock(pending / rate)} left" if rate and pending else ""
    parts = (f"{settled:,} of {now.status.subjects:,} settled", pace, now.remark(vendor))
    return "; ".join(filter(None, parts))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
