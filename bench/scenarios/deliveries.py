"""How fast people are delivered, by shape of vendor, beside the naive design."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from bench.beside import naive_beside
from bench.people import people
from bench.rates import spread, steady_rate
from bench.results import Bound, Row
from bench.stand import BenchError, Ours, Stand
from domain.requests import Kind


@dataclass(frozen=True)
class Shape:
    """One vendor shape: how many people make a stable figure, and what is required of the ratio."""

    vendor: str
    kind: Kind
    says: str
    ours: int
    naive: int
    least: float | None
    latency_s: float = 0.0

    def quickly(self) -> "Shape":
        """The same with fewer people."""
        return Shape(self.vendor, self.kind, self.says, self.ours // 2, self.naive // 2, self.least, self.latency_s)


INSIDER = Shape("insider", Kind.ERASURE, "Insider erasure: 1,000 a call, two steps", 120_000, 1_000, 200)
DFINERY = Shape("dfinery", Kind.ERASURE, "Dfinery erasure: 20 a call, two steps", 40_000, 1_000, 60)
ALGONOMY = Shape("algonomy", Kind.OPT_OUT, "Algonomy opt-out: one a call", 9_000, 1_000, 8)
SLOW = Shape("algonomy", Kind.OPT_OUT, "Algonomy opt-out at a vendor that takes 50 ms", 4_000, 200, None, 0.05)
"""What issue 3 asks of this one (60 x) is not required yet."""


def insider(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """The vendor that takes most at once."""
    yield from _compare(stand, INSIDER, quick=quick)


def dfinery(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """A vendor that takes a few at once."""
    yield from _compare(stand, DFINERY, quick=quick)


def algonomy(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """A vendor that takes one at a time."""
    yield from _compare(stand, ALGONOMY, quick=quick)


def slow(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """The same, and each answer takes its time, as over the internet."""
    yield from _compare(stand, SLOW, quick=quick)


def _compare(stand: Stand, shape: Shape, *, quick: bool) -> Iterator[Row]:
    """Naive, ours, ours, ours, naive: what drifts on the machine meets both."""
    shape, times = (shape.quickly(), 1) if quick else (shape, 3)
    naive = [_deliver_naively(stand, shape)]
    with stand.ours() as stack:
        _deliver(stack, stand, shape, min(2_000, shape.ours))  # connections, imports, tokens
        ours = [_deliver(stack, stand, shape, shape.ours) for _ in range(times)]
    if not quick:
        naive.append(_deliver_naively(stand, shape))
    whole, naively = [run.whole for run in ours], [run.steady for run in naive]
    note = f"{shape.ours:,} people"
    if not quick:
        note += f"; median of {times} runs, spread {spread(whole):.2f} x; naive {spread(naively):.2f} x"
    bound = Bound("ratio", least=shape.least) if shape.least else None
    name, rate = "slow" if shape.latency_s else shape.vendor, median(naively)
    steady, cpu = median(run.steady for run in ours), median(run.cpu_us for run in ours)
    yield Row(name, f"{shape.says}; from submit to closed", "people/s", median(whole), rate, "naive", bound, note)
    yield Row(f"{name}-steady", "the same; steady rate in the ledger", "people/s", steady, rate, "naive")
    yield Row(f"{name}-cpu", CPU_ROW, "µs/person", cpu, median(run.cpu_us for run in naive), "naive")


CPU_ROW = "the same; CPU of workers, PostgreSQL and Redis (what others run here changes it least)"


@dataclass(frozen=True)
class Run:
    """One run's figures: people a second from submit returning to the request closed, and in the steady state
    between; CPU time a person."""

    whole: float
    steady: float
    cpu_us: float


def _deliver(ours: Ours, stand: Stand, shape: Shape, number: int) -> Run:
    stand.vendor.reset(latency_s=shape.latency_s)
    receipt = ours.submit(shape.kind, [shape.vendor], people(number))
    submitted, spent_s = time.time(), stand.cpu_s()
    closed = ours.await_close(receipt.recorded.public_id)
    spent_s = stand.cpu_s() - spent_s
    endings = ours.endings(receipt.recorded.public_id)
    accepted = sum(count for _, count in endings)
    if accepted != number:
        raise BenchError(f"of {number} people {accepted} were accepted by {shape.vendor}")
    return Run(number / (closed - submitted), steady_rate(endings), spent_s / number * 1e6)


def _deliver_naively(stand: Stand, shape: Shape) -> Run:
    stand.vendor.reset(latency_s=shape.latency_s)
    with naive_beside(stand) as naive:
        endings, spent_s = naive.endings(shape.vendor, shape.naive)
    rate = steady_rate(endings)
    return Run(rate, rate, spent_s / shape.naive * 1e6)
