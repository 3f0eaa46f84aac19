"""Whether many processes keep a vendor's limit, and use it: counted as requests arrive at the vendor."""

import subprocess
import sys
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from bench.rates import windows
from bench.results import Bound, Row
from bench.spender import REDIS_URL
from bench.stand import BenchError, Stand, environment
from worker.pace import Pace

PROCESSES = 8
PER_MINUTE = 25_000
"""Insider's limit."""
WINDOW_S, RUN_S = 60.0, 180.0
QUICK_WINDOW_S, QUICK_RUN_S = 6.0, 20.0
"""The quick run counts shorter windows at the same pace, and allows each what a burst and jitter may add."""


def limiter(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """Processes that send as fast as their permits come, from a cold start."""
    window_s, run_s = (QUICK_WINDOW_S, QUICK_RUN_S) if quick else (WINDOW_S, RUN_S)
    allowed = round(Pace.for_limit(PER_MINUTE).most_in(window_s)) if quick else PER_MINUTE
    moments = _arrivals(stand, run_s)
    densest = densest_window(moments, window_s)
    seen_s = moments[-1] - moments[0]
    unit, what = f"in {window_s:g} s", f"Limiter, {PROCESSES} processes"
    note = f"{len(moments):,} arrivals in {seen_s:.0f} s, cold start"
    densest_bound, used_bound = Bound("ratio", most=1.0), Bound("ratio", least=0.97)
    what_densest, seen = f"{what}: densest window at the vendor", windows(moments, window_s)
    yield Row("limiter", what_densest, unit, densest, allowed, "limit", densest_bound, note, series=seen)
    used = (len(moments) - 1) / seen_s * 60.0
    yield Row("limiter-used", f"{what}: share of the limit used", "in 60 s", used, PER_MINUTE, "limit", used_bound)


def densest_window(moments: Sequence[float], window_s: float) -> int:
    """The most arrivals in any half-open window of `window_s`; `moments` in order."""
    return max(bisect_left(moments, moment + window_s) - place for place, moment in enumerate(moments))


def _arrivals(stand: Stand, run_s: float) -> list[float]:
    stand.vendor.reset()
    figures = [stand.vendor.port, PER_MINUTE, run_s]
    argv = [sys.executable, "-m", "bench.spender", *map(str, figures)]
    with environment({REDIS_URL: stand.redis_url}):
        spenders = [subprocess.Popen(argv) for _ in range(PROCESSES)]
    codes = [spender.wait(run_s + 60.0) for spender in spenders]
    if any(codes):
        raise BenchError("a sending process failed")
    return sorted(stand.vendor.moments())
