"""How soon one person's request is fully delivered during a campaign of 500,000."""

import time
from collections.abc import Iterator, Sequence
from statistics import median
from uuid import UUID

from redis import Redis
from sqlalchemy import text

from bench.people import people
from bench.rates import nearest_rank
from bench.results import Bound, Row
from bench.stand import BenchError, Ours, Stand
from domain.requests import Kind

CAMPAIGN, QUICK_CAMPAIGN = 500_000, 100_000
TIMES, EVERY_S = 50, 0.4
IDLE_TIMES, IDLE_EVERY_S = 20, 0.25
WARM_UP = 2_000
UNDER_WAY_S = 2.0
"""The campaign runs this long before the first other request."""
PATIENCE_S = 30.0
"""After the last request was made. What has not closed by then counts as if it just had, which misses every bound."""
MEDIAN = (Bound("ours", most=2.0), Bound("ratio", most=0.05))
P99 = (Bound("ours", most=5.0), Bound("ratio", most=0.1))


def fairness(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """From before `submit` to closed, at three vendors whose limits do not bind, so the machine is the limit.

    In a database of its own, dropped with the rest of the campaign.
    """
    number, times = (QUICK_CAMPAIGN, TIMES // 3) if quick else (CAMPAIGN, TIMES)
    with stand.database("bench_fairness") as url:
        with stand.ours(database_url=url) as ours:
            stand.vendor.reset()
            ours.await_close(ours.submit(Kind.ERASURE, (), people(WARM_UP)).recorded.public_id)
            idle = _waits(ours, IDLE_TIMES, IDLE_EVERY_S)
            campaign = ours.submit(Kind.ERASURE, (), people(number)).recorded.public_id
            began = time.monotonic()
            ours.pause(UNDER_WAY_S)
            busy = _waits(ours, times, EVERY_S)
            if _is_over(ours, campaign):
                raise BenchError("the campaign was over before the last single request")
            in_turn_s = number * (time.monotonic() - began) / _reached_everywhere(ours, campaign)
        with Redis.from_url(stand.redis_url) as redis:
            redis.flushdb()  # messages for chunks that are gone
    what = f"One person's erasure at 3 vendors under a campaign of {number:,}, submit to closed"
    series = {"idle_s": idle, "busy_s": busy}
    note = f"of {times}, one every {EVERY_S:g} s; longest {max(busy):.2f} s; on the idle stack {median(idle):.2g} s"
    beside = "first come, first served: the campaign, at its pace meanwhile"
    yield Row("fairness", f"{what}: median", "s", median(busy), in_turn_s, beside, MEDIAN, note, series=series)
    yield Row("fairness-p99", f"{what}: p99", "s", nearest_rank(busy, 0.99), in_turn_s, beside, P99)


def _waits(ours: Ours, times: int, every_s: float) -> list[float]:
    """How long each of so many requests took, shortest first. None of them waits for the one before it."""
    begun: dict[UUID, float] = {}
    due = time.monotonic()
    for _ in range(times):
        ours.pause(max(0.0, due - time.monotonic()))
        due += every_s
        began = time.time()
        begun[ours.submit(Kind.ERASURE, (), people(1)).recorded.public_id] = began
    deadline = time.monotonic() + PATIENCE_S
    closed: dict[UUID, float] = {}
    while len(closed) < len(begun) and time.monotonic() < deadline:
        ours.pause(0.1)
        closed = _closed(ours, list(begun))
    given_up = time.time()
    return sorted(closed.get(request, given_up) - began for request, began in begun.items())


def _closed(ours: Ours, requests: Sequence[UUID]) -> dict[UUID, float]:
    with ours.engine.begin() as connection:
        rows = connection.execute(_CLOSED, {"requests": list(requests)}).all()
        return {row.public_id: row.closed_at for row in rows}


def _reached_everywhere(ours: Ours, request: UUID) -> int:
    """How many of a request's people are on record at the vendor that has come least far, one at least."""
    with ours.engine.begin() as connection:
        return max(1, int(connection.execute(_REACHED, {"request": request}).scalar_one()))


def _is_over(ours: Ours, request: UUID) -> bool:
    return bool(_closed(ours, [request]))


_REACHED = text("""
    SELECT min(people) FROM (
        SELECT COALESCE((
            SELECT sum(deliveries) FROM tallies
            WHERE tallies.request_id = requests.id AND tallies.vendor_id = reached.vendor_id), 0) AS people
        FROM requests CROSS JOIN unnest(vendor_ids) AS reached (vendor_id) WHERE public_id = :request) AS counted
""")
_CLOSED = text("""
    SELECT public_id, CAST(extract(epoch FROM closed_at) AS double precision) AS closed_at
    FROM requests
    WHERE public_id = ANY(:requests) AND closed_at IS NOT NULL
""")
