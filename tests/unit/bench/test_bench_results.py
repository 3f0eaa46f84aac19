"""Rows against what is required of them."""

import pytest

from bench.results import Bound, Row, table_of


def row(ours: float, *required: Bound) -> Row:
    return Row("name", "what", "people/s", ours, 100.0, "naive", required)


@pytest.mark.parametrize(
    ("bound", "says", "reached", "missed"),
    [
        (Bound("ours", least=1_000), "≥ 1,000", 1_000, 999),
        (Bound("ratio", least=10), "≥ 10 x", 1_000, 999),
        (Bound("ratio", most=1.1), "≤ 1.1 x", 110, 111),
        (Bound("ours", least=90, most=110), "90 to 110", 110, 111),
    ],
)
def test_a_bound(bound: Bound, says: str, reached: float, missed: float) -> None:
    assert str(bound) == says
    assert bound.holds(row(reached))
    assert not bound.holds(row(missed))


def test_a_row_is_all_right_where_all_its_bounds_hold() -> None:
    easy, hard = Bound("ratio", least=1), Bound("ratio", least=1_000)
    assert row(500).ok is None
    assert row(500, easy).ok is True
    assert row(500, easy, hard).ok is False
    assert Row("name", "what", "s", 500, 1, "idle", easy).ok is True


def test_a_slow_machine_fails_no_run() -> None:
    missed = Bound("ours", least=1_000)
    assert row(500, missed).ok is None
    assert row(500, missed, Bound("ratio", least=1)).ok is True


def test_the_table_tells_each_bound_apart() -> None:
    table = table_of([row(500, Bound("ratio", least=1), Bound("ratio", least=1_000), Bound("ours", least=1_000))])
    required, marks = (next(iter(column.cells)) for column in table.columns[-2:])
    assert required == "≥ 1 x\n≥ 1,000 x\n≥ 1,000"
    assert marks == "[green]yes[/]\n[red]NO[/]\n[dim](no)[/]"
