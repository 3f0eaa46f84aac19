"""Whether a worker's memory depends on how many people a request has."""

from collections.abc import Iterator

import psutil

from bench.people import people
from bench.resident import largest_mb
from bench.results import Bound, Row
from bench.stand import Ours, Stand
from domain.requests import Kind

FEW, MANY = 10_000, 200_000
VENDORS = ("dfinery", "insider")
FLAT = Bound("ratio", most=1.15)
"""Less memory for more people is no fault."""


def memory(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """An erasure at two vendors, by the same workers: the largest worker's peak during the run, and what it keeps."""
    many = MANY // 4 if quick else MANY
    with stand.ours() as ours:
        stand.vendor.reset()
        peak_few, rest_few = _measure(ours, FEW)
        peak_many, rest_many = _measure(ours, many)
    what = f"Worker memory for {many:,} people, beside {FEW:,}"
    yield Row("memory", f"{what}: peak", "MB", peak_many, peak_few, f"{FEW:,}", FLAT, "resident, sampled each 0.1 s")
    yield Row("memory-after", f"{what}: after the run", "MB", rest_many, rest_few, f"{FEW:,}", FLAT)


def _measure(ours: Ours, number: int) -> tuple[float, float]:
    workers = [psutil.Process(pid) for pid in ours.worker_pids()]
    peaks: list[float] = []
    receipt = ours.submit(Kind.ERASURE, VENDORS, people(number))
    ours.await_close(receipt.recorded.public_id, lambda: peaks.append(largest_mb(workers)))
    _idle(ours)
    return max(peaks), largest_mb(workers)


def _idle(ours: Ours) -> None:
    for _ in range(20):
        ours.pause(0.1)
