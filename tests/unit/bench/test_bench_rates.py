"""From moments to rates and windows, and whose CPU time is whose."""

import pytest

from bench.cpu import Spent, kind_of
from bench.rates import nearest_rank, spread, steady_rate, windows


def test_the_steady_rate_leaves_out_start_and_end() -> None:
    slow_start = [(0.0, 1), *((10.0 + second, 100) for second in range(10)), (99.0, 1)]
    assert steady_rate(slow_start) == pytest.approx(100)


def test_a_run_recorded_at_two_moments_is_taken_whole() -> None:
    assert steady_rate([(0.0, 500), (2.0, 500)]) == pytest.approx(250)


def test_spread() -> None:
    assert spread([2.0, 1.0, 3.0]) == 3.0


def test_a_percentile_is_a_measured_value() -> None:
    """Of fewer than a hundred values the p99 is the largest."""
    values = [float(value) for value in range(100, 0, -1)]
    assert nearest_rank(values, 0.99) == 99.0
    assert nearest_rank(values, 0.5) == 50.0
    assert nearest_rank(values[:40], 0.99) == 100.0
    assert nearest_rank([7.0], 0.0) == 7.0


def test_windows_slide_over_every_arrival() -> None:
    """Ten a second for ten seconds: a window of four fills and stays full."""
    moments = [place / 10 for place in range(101)]
    seen = windows(moments, 4.0)
    assert seen["second"] == [float(second) for second in range(1, 11)]
    assert seen["in_window"] == [10, 20, 30, 40, 40, 40, 40, 40, 40, 40]


def test_cpu_time_by_what_a_process_is() -> None:
    celery = ["python", "-m", "celery", "--app", "worker.app"]
    assert kind_of("postgres", ["postgres", "-D", "x"]) == "postgres"
    assert kind_of("redis-server", []) == "redis"
    assert kind_of("python3.11", [*celery, "worker", "--hostname", "worker-1@h"]) == "worker"
    assert kind_of("python3.11", [*celery, "beat"]) == "other"


def test_parts_of_cpu_time_sum_up() -> None:
    spent = Spent(4.0, 3.0, 2.0, 1.0).since(Spent(1.0, 1.0, 1.0, 1.0)).scaled(10)
    assert spent.parts() == {"worker": 30.0, "postgres": 20.0, "redis": 10.0, "other": 0.0}
    assert spent.total == 60.0
