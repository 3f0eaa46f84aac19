"""How much of what the transport could do is left once every delivery is leased, paced, understood and recorded."""

from collections.abc import Iterator
from statistics import median

from bench import bare
from bench.rates import spread
from bench.results import Bound, Row
from bench.scenarios.deliveries import ALGONOMY, WARM_UP, deliver
from bench.stand import WORKERS, Stand

TIMES = 3
LEAST = Bound("ratio", least=0.6, asked_in="issue 4")


def efficiency(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """One person a call, beside as many bare clients as we have workers, each with as many requests in flight."""
    shape, times = (ALGONOMY.quickly(), 1) if quick else (ALGONOMY, TIMES)
    ours, bares = [], []
    with stand.ours() as stack:
        deliver(stack, stand, shape, WARM_UP)
        for _ in range(times):
            with stack.frozen():
                stand.await_rest()
                stand.vendor.reset()
                bares.append(bare.send_from(WORKERS, shape.vendor, shape.kind, shape.ours))
            ours.append(deliver(stack, stand, shape, shape.ours))
    whole, rates = [run.whole for run in ours], [bare.rate_of(sent) for sent in bares]
    note = f"{shape.ours:,} people from {WORKERS} processes"
    if not quick:
        note += f"; median of {times} runs, spread {spread(whole):.2f} x; bare {spread(rates):.2f} x"
    yield Row(
        "efficiency",
        "Algonomy: one a call, beside the bare transport",
        "people/s",
        median(whole),
        median(rates),
        "bare transport, nothing recorded",
        LEAST,
        note,
    )
    cpu = median(run.cpu.worker for run in ours) * 1e6
    least = median(bare.cpu_of(sent) for sent in bares) * 1e6
    yield Row("efficiency-cpu", "Algonomy: CPU of the workers alone", "µs/person", cpu, least, "bare transport")
