"""How soon a single erasure on an idle stack reaches a vendor."""

import time
from collections.abc import Callable, Iterator
from statistics import median, quantiles

from bench.beside import naive_beside
from bench.people import people
from bench.results import Bound, Row
from bench.stand import BenchError, Ours, Stand
from domain.requests import Kind

TIMES = 10
MOST_MS = 100
REST_S = 0.73
"""Time between two, so that they fall at any point between the workers' own looks (1 s)."""
ARRIVES_WITHIN_S = 10.0


def latency(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """From `submit` returning to the first request at any of three vendors, beside a bare Celery task that sends."""
    times = TIMES // 2 if quick else TIMES
    with stand.ours() as ours:
        waits = [_arrival_ms(stand, ours, lambda: _submit(ours)) for _ in range(times + 2)][2:]
    with naive_beside(stand) as naive, naive.workers():
        naive.queue("insider", 1)
        naive.await_done(1)
        naively = [_arrival_ms(stand, None, lambda: naive.queue("insider", 1)) for _ in range(times)]
    note = f"median of {times}; p90 {quantiles(waits, n=10)[-1]:.0f} ms, longest {max(waits):.0f} ms"
    yield Row(
        "latency",
        "One erasure on an idle stack: submit to the first vendor",
        "ms",
        median(waits),
        median(naively),
        "naive",
        Bound("ours", most=MOST_MS),
        note,
    )


def _submit(ours: Ours) -> None:
    ours.submit(Kind.ERASURE, (), people(1))


def _arrival_ms(stand: Stand, ours: Ours | None, act: Callable[[], None]) -> float:
    rest = ours.pause if ours else time.sleep
    rest(REST_S)
    stand.vendor.reset()
    act()
    began = time.monotonic()
    while time.monotonic() - began < ARRIVES_WITHIN_S:
        rest(0.05)
        moments = stand.vendor.moments()
        if moments:
            return (min(moments) - began) * 1e3  # negative where it was there before submit returned
    raise BenchError(f"nothing reached a vendor within {ARRIVES_WITHIN_S:g} s")
