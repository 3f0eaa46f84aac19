"""Small requests with lookups at Insider, where the lookup quota does not bind: our side's cost."""

import time
from collections.abc import Iterator
from statistics import median

from bench.beside import naive_beside
from bench.people import people
from bench.rates import spread, steady_rate
from bench.results import Row
from bench.stand import BenchError, Ours, Stand
from domain.requests import Kind

PEOPLE = 100
"""In each request."""
REQUESTS, TIMES, NAIVE = 20, 3, 800


def looking(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """Requests of a hundred people: a lookup for each identifier, then two calls about one person each."""
    times, number = (1, NAIVE // 2) if quick else (TIMES, NAIVE)
    with naive_beside(stand) as naive, naive.workers():
        naively = steady_rate(naive.deliver("insider", number).endings)
    with stand.ours({"CONSENT_INSIDER__LOOK_FIRST_UP_TO": str(PEOPLE)}) as ours:
        _rate(ours, 1)
        rates = [_rate(ours, REQUESTS) for _ in range(times)]
    yield Row(
        "looking",
        f"Insider: erasures of {PEOPLE} people that look first; from submit to closed",
        "people/s",
        median(rates),
        naively,
        "naive",
        note=f"{REQUESTS} requests; median of {times} runs, spread {spread(rates):.2f} x; quota not binding: at the "
        "vendor's own it is 2 to 7 people/s; the naive design does not look",
    )


def _rate(ours: Ours, requests: int) -> float:
    began = time.time()
    receipts = [ours.submit(Kind.ERASURE, ["insider"], people(PEOPLE)) for _ in range(requests)]
    ids = [receipt.recorded.public_id for receipt in receipts]
    closed = max(ours.await_close(request_id) for request_id in ids)
    for request_id in ids:
        if (accepted := sum(count for _, count in ours.endings(request_id))) != PEOPLE:
            raise BenchError(f"of {PEOPLE} people {accepted} were accepted")
    return requests * PEOPLE / (closed - began)
