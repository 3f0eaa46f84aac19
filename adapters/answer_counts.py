"""How many answers of each class a process has got from a vendor: counts alone, and nothing that the vendor wrote."""

from collections import defaultdict
from http import HTTPStatus
from typing import NamedTuple

NO_CONNECTION, NO_ANSWER = "no connection", "no answer"


class Sort(NamedTuple):
    """Answers that are counted together: those to calls of one limit (`bucket`, as in Rate), and of one class."""

    bucket: str
    answer: str


class Count(NamedTuple):
    """How many there were, and what they cost of the limit."""

    answers: int
    units: float


NOTHING = Count(0, 0.0)


class AnswerCounts:
    """Counts up, on the event loop alone; any thread may read it."""

    def __init__(self) -> None:
        self._counts: defaultdict[Sort, Count] = defaultdict(lambda: NOTHING)

    def add(self, bucket: str, answer: str, units: float) -> None:
        """Count one answer."""
        sort = Sort(bucket, answer)
        before = self._counts[sort]
        self._counts[sort] = Count(before.answers + 1, before.units + units)

    def so_far(self) -> dict[Sort, Count]:
        """All that were counted since the process began."""
        return dict(self._counts)


class News:
    """What has come since the last time, of counts that only grow."""

    def __init__(self) -> None:
        self._told: dict[Sort, Count] = {}

    def of(self, counts: AnswerCounts) -> dict[Sort, Count]:
        """What is not told yet. It counts as told once `told` was called with it."""
        now = counts.so_far()
        fresh = {sort: _less(count, self._told.get(sort, NOTHING)) for sort, count in now.items()}
        return {sort: count for sort, count in fresh.items() if count.answers}

    def told(self, news: dict[Sort, Count]) -> None:
        """Remember that these were told."""
        for sort, count in news.items():
            before = self._told.get(sort, NOTHING)
            self._told[sort] = Count(before.answers + count.answers, before.units + count.units)


def _less(count: Count, than: Count) -> Count:
    return Count(count.answers - than.answers, count.units - than.units)


def class_of(status: int) -> str:
    """The class of an HTTP answer: its first digit, but for what vendors say when they are asked too often."""
    return "429" if status == HTTPStatus.TOO_MANY_REQUESTS else f"{status // 100}xx"
