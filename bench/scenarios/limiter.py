"""Whether a vendor's limit is held, and used, by many processes: counted as requests arrive at the vendor."""

import subprocess
import sys
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from bench.rates import windows
from bench.results import Bound, Row
from bench.spender import REDIS_URL
from bench.stand import BenchError, Stand, environment

PROCESSES = 8
PER_MINUTE = 25_000
"""Insider's limit."""
WINDOW_S, RUN_S = 60.0, 125.0
QUICK_WINDOW_S, QUICK_RUN_S = 6.0, 20.0
"""The quick run keeps the pace and shortens the window, its burst and its margin tenfold: jitter weighs ten times as
much in it."""


def limiter(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """Processes that send as fast as their permits come, from a cold start."""
    window_s, run_s = (QUICK_WINDOW_S, QUICK_RUN_S) if quick else (WINDOW_S, RUN_S)
    allowance = round(PER_MINUTE * window_s / 60.0)
    moments = _arrivals(stand, allowance, window_s, run_s)
    densest = densest_window(moments, window_s)
    used = (len(moments) - 1) / (moments[-1] - moments[0]) * window_s
    unit, what = f"in {window_s:g} s", f"Limiter, {PROCESSES} processes"
    note = f"{len(moments):,} arrivals in {moments[-1] - moments[0]:.0f} s, cold start"
    if quick:
        note += "; the window is scaled from 60 s to 6 s"
    densest_bound, used_bound = Bound("ratio", most=1.0), Bound("ratio", least=0.97)
    seen = windows(moments, window_s)
    yield Row(
        "limiter",
        f"{what}: densest window at the vendor",
        unit,
        densest,
        allowance,
        "limit",
        densest_bound,
        note,
        series=seen,
    )
    yield Row("limiter-used", f"{what}: share of the limit used", unit, used, allowance, "limit", used_bound)


def densest_window(moments: Sequence[float], window_s: float) -> int:
    """The most arrivals in any half-open window of `window_s`; `moments` in order."""
    return max(bisect_left(moments, moment + window_s) - place for place, moment in enumerate(moments))


def _arrivals(stand: Stand, allowance: int, window_s: float, run_s: float) -> list[float]:
    stand.vendor.reset()
    figures = [stand.vendor.port, allowance, window_s, run_s]
    argv = [sys.executable, "-m", "bench.spender", *map(str, figures)]
    with environment({REDIS_URL: stand.redis_url}):
        spenders = [subprocess.Popen(argv) for _ in range(PROCESSES)]
    codes = [spender.wait(run_s + 60.0) for spender in spenders]
    if any(codes):
        raise BenchError("a sending process failed")
    return sorted(stand.vendor.moments())
