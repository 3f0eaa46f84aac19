"""The plots of docs/ are drawn from bench/results.json."""

import json
from pathlib import Path

from bench.plots import FOLDER, PLOTS, draw
from bench.results import FILE

RESULTS = json.loads(FILE.read_text())


def test_plots_are_drawn_from_the_rows_there_are_and_the_same_each_time(tmp_path: Path) -> None:
    every = draw(RESULTS, tmp_path / "every")
    assert [path.stem for path in every] == list(PLOTS)
    assert {path.name for path in every} == {path.name for path in FOLDER.glob("*.svg")}
    assert max(path.stat().st_size for path in every) < 60_000
    limiter = [row for row in RESULTS["rows"] if row["name"] == "limiter"]
    (again,) = draw({**RESULTS, "rows": limiter}, tmp_path / "again")
    assert again.read_bytes() == (tmp_path / "every" / again.name).read_bytes()
