"""How fast people are delivered, by shape of vendor, beside the naive design."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import median

from bench.bare import Sent, cpu_of, rate_of, send_from
from bench.beside import Naive, naive_beside
from bench.cpu import Spent
from bench.people import people
from bench.rates import spread, steady_rate
from bench.results import Bound, Row
from bench.stand import WORKERS, BenchError, Ours, Stand
from domain.requests import Kind


@dataclass(frozen=True)
class Shape:
    """A vendor's shape: how many people make a stable figure, how often, and what is required."""

    name: str
    title: str
    vendor: str
    kind: Kind
    says: str
    ours: int
    naive: int
    required: Sequence[Bound]
    times: int = 3
    latency_s: float = 0.0
    beside_bare: bool = False

    def quickly(self) -> "Shape":
        """The same with fewer people."""
        return replace(self, ours=self.ours // 2, naive=self.naive // 2, times=1)


INSIDER = Shape(
    "insider",
    "Insider",
    "insider",
    Kind.ERASURE,
    "erasure, 1,000 a call, two steps",
    ours=120_000,
    naive=800,
    required=(
        Bound("ours", least=60_000),
        Bound("ratio", least=250),
    ),
)
DFINERY = Shape(
    "dfinery",
    "Dfinery",
    "dfinery",
    Kind.ERASURE,
    "erasure, 20 a call, two steps",
    ours=40_000,
    naive=800,
    required=(
        Bound("ratio", least=60),
        Bound("ours", least=12_000),
    ),
)
ALGONOMY = Shape(
    "algonomy",
    "Algonomy",
    "algonomy",
    Kind.OPT_OUT,
    "opt-out, one a call",
    ours=9_000,
    naive=800,
    required=(
        Bound("ours", least=3_000),
        Bound("ratio", least=12),
    ),
    beside_bare=True,
)
SLOW = Shape(
    "slow",
    "Algonomy at 50 ms an answer",
    "algonomy",
    Kind.OPT_OUT,
    "opt-out, one a call",
    ours=8_000,
    naive=150,
    required=(Bound("ratio", least=60),),
    times=2,
    latency_s=0.05,
)
WAL = (Bound("ours", most=150), Bound("ratio", most=0.6))
EFFICIENCY = Bound("ratio", least=0.6)
WARM_UP, NAIVE_WARM_UP = 2_000, 50


def insider(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """The vendor that takes most at once."""
    with _both(stand) as (stack, other):
        yield from _compare(stand, stack, other, INSIDER, quick=quick)


def dfinery(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """A vendor that takes a few at once."""
    with _both(stand) as (stack, other):
        yield from _compare(stand, stack, other, DFINERY, quick=quick)


def algonomy(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """A vendor that takes one at a time, beside the bare transport too; then one with slow answers, as over the
    internet."""
    with _both(stand) as (stack, other):
        yield from _compare(stand, stack, other, ALGONOMY, quick=quick)
        yield from _compare(stand, stack, other, SLOW, quick=quick)


@contextmanager
def _both(stand: Stand) -> Iterator[tuple[Ours, Naive]]:
    with naive_beside(stand) as other, other.workers(), stand.ours() as stack:
        yield stack, other


def _compare(stand: Stand, stack: Ours, other: Naive, shape: Shape, *, quick: bool) -> Iterator[Row]:
    """Naive, bare, ours, naive, bare, ours, …, each alone, so that drifts of the machine affect all."""
    if quick:
        shape = shape.quickly()
    naive, bare, ours = [], [], []
    stand.vendor.reset(latency_s=shape.latency_s)
    other.warm_up(shape.vendor, NAIVE_WARM_UP)  # connections, imports, tokens
    deliver(stack, stand, shape, min(WARM_UP, shape.ours))
    for _ in range(shape.times):
        with stack.frozen():
            stand.await_rest()
            naive.append(_deliver_naively(other, stand, shape))
            if shape.beside_bare:
                with other.frozen():
                    stand.vendor.reset()
                    bare.append(send_from(WORKERS, shape.vendor, shape.kind, shape.ours))
        with other.frozen():
            ours.append(deliver(stack, stand, shape, shape.ours))
    yield from _rows(shape, naive, ours)
    if bare:
        yield from _rows_beside_bare(shape, bare, ours)


def _rows(shape: Shape, naive: Sequence["Run"], ours: Sequence["Run"]) -> Iterator[Row]:
    whole, naively = [run.whole for run in ours], [run.steady for run in naive]
    note = f"{shape.ours:,} people"
    if len(ours) > 1:
        note += f"; median of {len(ours)} runs, spread {spread(whole):.2f} x; naive {spread(naively):.2f} x"
    rate, steady = median(naively), median(run.steady for run in ours)
    yield Row(
        shape.name,
        f"{shape.title}: {shape.says}; from submit to closed",
        "people/s",
        median(whole),
        rate,
        "naive",
        shape.required,
        note,
    )
    yield Row(f"{shape.name}-steady", f"{shape.title}: steady rate in the ledger", "people/s", steady, rate, "naive")
    cpu = _middle(ours).cpu.scaled(1e6)
    naive_cpu, vendor = _middle(naive).cpu.total * 1e6, median(run.vendor_cpu for run in ours) * 1e6
    yield Row(
        f"{shape.name}-cpu",
        f"{shape.title}: CPU of workers, PostgreSQL and Redis",
        "µs/person",
        cpu.total,
        naive_cpu,
        "naive",
        note=f"of the loopback vendor, left out: {vendor:.3g}",
        parts=cpu.parts(),
    )
    # The least: autovacuum, which begins once a minute, writes more than a short run does.
    wal, naive_wal = min(run.wal_mb for run in ours), min(run.wal_mb for run in naive)
    yield Row(
        f"{shape.name}-wal",
        f"{shape.title}: write-ahead log of delivering",
        "MB/million",
        wal,
        naive_wal,
        "naive",
        WAL,
    )


def _rows_beside_bare(shape: Shape, bare: Sequence[Sequence[Sent]], ours: Sequence["Run"]) -> Iterator[Row]:
    """As many bare clients as we have workers, each with as many requests in flight."""
    rates = [rate_of(sent) for sent in bare]
    note = f"{shape.ours:,} people from {WORKERS} processes"
    if len(bare) > 1:
        note += f"; bare spread {spread(rates):.2f} x"
    whole = median(run.whole for run in ours)
    what, beside = f"{shape.title}: one a call, beside the bare transport", "bare transport, nothing recorded"
    yield Row("efficiency", what, "people/s", whole, median(rates), beside, EFFICIENCY, note)
    cpu, least = median(run.cpu.worker for run in ours) * 1e6, median(map(cpu_of, bare)) * 1e6
    what = f"{shape.title}: CPU of the workers alone"
    yield Row("efficiency-cpu", what, "µs/person", cpu, least, "bare transport")


@dataclass(frozen=True)
class Run:
    """One run's figures: people a second from submit returning to the request closed, and in the steady state between;
    CPU seconds a person, and those of the vendor; MB of write-ahead log per million people."""

    whole: float
    steady: float
    cpu: Spent
    vendor_cpu: float
    wal_mb: float


def _middle(runs: Sequence[Run]) -> Run:
    """The run with the median CPU time (the lower one of two), so that its parts add up."""
    return sorted(runs, key=lambda run: run.cpu.total)[(len(runs) - 1) // 2]


def deliver(ours: Ours, stand: Stand, shape: Shape, number: int) -> Run:
    """Have `number` people delivered by our stack. Raises BenchError where not all were accepted."""
    stand.vendor.reset(latency_s=shape.latency_s)
    receipt = ours.submit(shape.kind, [shape.vendor], people(number))
    submitted, cpu, vendor_cpu, wal = time.time(), stand.cpu_s(), stand.vendor.cpu_s(), stand.wal_bytes()
    closed = ours.await_close(receipt.recorded.public_id)
    cpu, vendor_cpu, wal = stand.cpu_s().since(cpu), stand.vendor.cpu_s() - vendor_cpu, stand.wal_bytes() - wal
    endings = ours.endings(receipt.recorded.public_id)
    accepted = sum(count for _, count in endings)
    if accepted != number:
        raise BenchError(f"of {number} people {accepted} were accepted by {shape.vendor}")
    # bytes a person are MB a million
    return Run(
        number / (closed - submitted), steady_rate(endings), cpu.scaled(1 / number), vendor_cpu / number, wal / number
    )


def _deliver_naively(naive: Naive, stand: Stand, shape: Shape) -> Run:
    stand.vendor.reset(latency_s=shape.latency_s)
    run = naive.deliver(shape.vendor, shape.naive)
    rate = steady_rate(run.endings)
    return Run(rate, rate, run.cpu_s, 0.0, run.wal_bytes)
