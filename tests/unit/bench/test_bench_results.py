"""Rows against what is required of them, and what is kept of them."""

import json
from pathlib import Path

import pytest

from bench.results import Bound, Row, keep, table_of


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


def test_what_is_kept_is_what_is_read_a_row_a_line(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    one = Row(
        "a", "what", "s", 1.23456, 2, "idle", Bound("ours", most=1), parts={"x": 0.123456}, series={"y": [1.0, 2]}
    )
    kept = keep([one, row(500)], ["--quick"], {"a": 12.3, "b": 1.4}, file)
    assert json.loads(file.read_text()) == kept
    assert kept["took_s"] == 14
    assert kept["commit"]
    assert kept["machine"]["cores"]
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
    assert kept["rows"][0]["ours"] == 1.235
    assert kept["rows"][0]["parts"] == {"x": 0.1235}
    assert kept["rows"][0]["required"] == [{"bound": "≤ 1", "judged": False, "ok": False}]
    assert sum(line.startswith('    {"name"') for line in file.read_text().splitlines()) == 2
