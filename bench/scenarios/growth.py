"""Whether a person costs more, in time, memory or disk, where there are a hundred times as many."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from statistics import median

import psutil

from bench.people import people
from bench.resident import Peak, largest_mb
from bench.results import Bound, Row
from bench.scenarios.deliveries import INSIDER, WARM_UP
from bench.stand import Ours, Stand

SIZES = {10_000: 5, 100_000: 1, 1_000_000: 1}
"""People in a request, and how many such requests are made: the small ones are short, so their median is taken."""
QUICK_SIZES = {10_000: 3, 100_000: 1}
TIME = Bound("ratio", most=1.15, asked_in="issue 4")
MEMORY = Bound("ratio", most=1.1, asked_in="issue 4")


@dataclass(frozen=True)
class Size:
    """What a request of one size took: µs a person to submit and to deliver, peak MB of this process while it submitted
    and of the largest worker while it delivered, bytes a person on disk after each."""

    number: int
    submit_us: float
    deliver_us: float
    submit_mb: float
    worker_mb: float
    submit_bytes: float
    deliver_bytes: float


def growth(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """Insider's shape, 1,000 a call, by the same workers one request after the other, in a database of its own."""
    with stand.database("bench_growth") as url, stand.ours(database_url=url) as ours:
        stand.vendor.reset()
        _measure(ours, WARM_UP)
        sizes = [
            _median([_measure(ours, number) for _ in range(times)])
            for number, times in (QUICK_SIZES if quick else SIZES).items()
        ]
    few, middle, many = sizes[0], sizes[-2], sizes[-1]
    beside = f"{few.number:,}"
    what = f"{many.number:,} people in a request, beside {beside}"
    series: dict[str, Sequence[float]] = {
        "people": [size.number for size in sizes],
        "deliver_us": [size.deliver_us for size in sizes],
        "worker_mb": [size.worker_mb for size in sizes],
        "submit_us": [size.submit_us for size in sizes],
        "submit_mb": [size.submit_mb for size in sizes],
    }
    note = "Insider erasure, the same workers; " + ", ".join(
        f"{size.number:,}: {size.deliver_us:.3g} µs, {size.worker_mb:.0f} MB" for size in sizes
    )
    yield Row(
        "growth",
        f"{what}: time a person, submit to closed",
        "µs/person",
        many.deliver_us,
        few.deliver_us,
        beside,
        TIME,
        note,
        series=series,
    )
    if middle is not few:
        # A small request waits for its wake-up and its end more than for its people, which flatters a large one.
        beside_middle = f"{many.number:,} beside {middle.number:,}: time a person"
        figures = (many.deliver_us, middle.deliver_us)
        yield Row("growth-of-large", beside_middle, "µs/person", *figures, f"{middle.number:,}", TIME)
    yield Row("growth-memory", f"{what}: peak of a worker", "MB", many.worker_mb, few.worker_mb, beside, MEMORY)
    yield Row("growth-intake", f"{what}: time a person to submit", "µs/person", many.submit_us, few.submit_us, beside)
    yield Row(
        "growth-intake-memory", f"{what}: peak while submitting", "MB", many.submit_mb, few.submit_mb, beside, MEMORY
    )
    yield Row(
        "growth-disk",
        f"{what}: disk a person, at one vendor",
        "bytes",
        many.submit_bytes + many.deliver_bytes,
        few.submit_bytes + few.deliver_bytes,
        beside,
        note="tables and indexes, with what awaits vacuum",
        parts={"person": many.submit_bytes, "delivery": many.deliver_bytes},
    )


def _measure(ours: Ours, number: int) -> Size:
    shape = INSIDER
    workers = [psutil.Process(pid) for pid in ours.worker_pids()]
    worker_mb: list[float] = []
    empty = ours.database_bytes()
    began = time.time()
    with Peak() as peak:
        receipt = ours.submit(shape.kind, [shape.vendor], people(number))
    submitted, loaded = time.time(), ours.database_bytes()
    closed = ours.await_close(receipt.recorded.public_id, lambda: worker_mb.append(largest_mb(workers)))
    return Size(
        number,
        submit_us=(submitted - began) / number * 1e6,
        deliver_us=(closed - submitted) / number * 1e6,
        submit_mb=peak.mb,
        worker_mb=max(worker_mb),
        submit_bytes=(loaded - empty) / number,
        deliver_bytes=(ours.database_bytes() - loaded) / number,
    )


def _median(sizes: Sequence[Size]) -> Size:
    """Each figure's median."""
    return Size(sizes[0].number, *(median(column) for column in list(zip(*map(astuple, sizes), strict=True))[1:]))
