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
"""People in a request, and the number of such requests: small ones are short, so their median is used."""
QUICK_SIZES = {10_000: 3, 100_000: 1}
TIME = Bound("ratio", most=1.15)
MEMORY = Bound("ratio", most=1.1)
WAL = (Bound("ours", most=150), Bound("ratio", most=1.2))


@dataclass(frozen=True)
class Size:
    """What a request of one size took: µs a person to submit and to deliver, peak MB of this process while it submitted
    and of the largest worker while it delivered, bytes a person on disk and of write-ahead log for each of the two,
    and whole pages in the latter's log."""

    number: int
    submit_us: float
    deliver_us: float
    submit_mb: float
    worker_mb: float
    submit_bytes: float
    deliver_bytes: float
    submit_wal: float
    deliver_wal: float
    deliver_images: float


def growth(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """Insider's shape, 1,000 a call, by the same workers one request after the other, in a database of its own."""
    with stand.database("bench_growth") as url, stand.ours(database_url=url) as ours:
        stand.vendor.reset()
        _measure(stand, ours, WARM_UP)
        sizes = [
            _median([_measure(stand, ours, number) for _ in range(times)])
            for number, times in (QUICK_SIZES if quick else SIZES).items()
        ]
    yield from _rows(sizes)


def _rows(sizes: Sequence[Size]) -> Iterator[Row]:
    few, middle, many = sizes[0], sizes[-2], sizes[-1]
    beside = f"{few.number:,}"
    what = f"{many.number:,} people in a request, beside {beside}"
    time_of = f"{what}: time a person, submit to closed"
    figures = ("deliver_us", "worker_mb", "submit_us", "submit_mb")
    series = {name: [float(getattr(size, name)) for size in sizes] for name in ("number", *figures)}
    note = "Insider erasure, the same workers; " + ", ".join(
        f"{size.number:,}: {size.deliver_us:.3g} µs, {size.worker_mb:.0f} MB" for size in sizes
    )
    yield Row("growth", time_of, "µs/person", many.deliver_us, few.deliver_us, beside, TIME, note, series=series)
    if middle is not few:
        # A small request waits for its wake-up and its end more than for its people, which makes a large one look
        # better.
        time_of = f"{many.number:,} beside {middle.number:,}: time a person"
        times = (many.deliver_us, middle.deliver_us)
        yield Row("growth-of-large", time_of, "µs/person", *times, f"{middle.number:,}", TIME)
    yield Row("growth-memory", f"{what}: peak of a worker", "MB", many.worker_mb, few.worker_mb, beside, MEMORY)
    yield Row("growth-intake", f"{what}: time a person to submit", "µs/person", many.submit_us, few.submit_us, beside)
    peaks = (many.submit_mb, few.submit_mb)
    yield Row("growth-intake-memory", f"{what}: peak while submitting", "MB", *peaks, beside, MEMORY)
    yield from _written(
        "growth-disk",
        f"{what}: disk a person with indexes, at one vendor",
        [(one.submit_bytes, one.deliver_bytes) for one in (many, few)],
        beside,
    )
    yield from _written(
        "growth-wal",
        f"{what}: write-ahead log a person, at one vendor",
        [(one.submit_wal, one.deliver_wal) for one in (many, few)],
        beside,
    )

    images = f"whole pages in it, a thousand people: {many.deliver_images * 1e3:.3g}, {few.deliver_images * 1e3:.3g}"
    logged = (many.deliver_wal, few.deliver_wal)  # bytes a person are MB a million
    yield Row("growth-wal-delivery", f"{what}: its delivery alone", "MB/million", *logged, beside, WAL, images)


def _written(name: str, what: str, figures: Sequence[tuple[float, float]], beside: str) -> Iterator[Row]:
    """Bytes for a person, and for their delivery to one vendor; of many people, and of few."""
    many, few = figures
    parts = {"person": many[0], "delivery": many[1]}
    yield Row(name, what, "bytes", sum(many), sum(few), beside, parts=parts)


def _measure(stand: Stand, ours: Ours, number: int) -> Size:
    shape = INSIDER
    workers = [psutil.Process(pid) for pid in ours.worker_pids()]
    worker_mb: list[float] = []
    empty, unwritten = ours.database_bytes(), stand.wal_bytes()
    began = time.time()
    with Peak() as peak:
        receipt = ours.submit(shape.kind, [shape.vendor], people(number))
    submitted, loaded, written, images = time.time(), ours.database_bytes(), stand.wal_bytes(), stand.page_images()
    closed = ours.await_close(receipt.recorded.public_id, lambda: worker_mb.append(largest_mb(workers)))
    return Size(
        number,
        submit_us=(submitted - began) / number * 1e6,
        deliver_us=(closed - submitted) / number * 1e6,
        submit_mb=peak.mb,
        worker_mb=max(worker_mb),
        submit_bytes=(loaded - empty) / number,
        deliver_bytes=(ours.database_bytes() - loaded) / number,
        submit_wal=(written - unwritten) / number,
        deliver_wal=(stand.wal_bytes() - written) / number,
        deliver_images=(stand.page_images() - images) / number,
    )


def _median(sizes: Sequence[Size]) -> Size:
    """Each figure's median."""
    return Size(sizes[0].number, *(median(column) for column in list(zip(*map(astuple, sizes), strict=True))[1:]))
