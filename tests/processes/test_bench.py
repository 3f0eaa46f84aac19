"""Processes that a benchmark holds still, and what it keeps of itself and of the commit that it ran on."""

import json
import subprocess
import time
from pathlib import Path

import psutil

from bench.cpu import frozen
from bench.results import Bound, Row, keep


def test_frozen_processes_stand_still_and_go_on_even_where_one_has_died() -> None:
    one, other = (subprocess.Popen(["sleep", "60"]) for _ in range(2))
    try:
        with frozen([one.pid, other.pid]):
            assert becomes(one, "stopped")
            assert becomes(other, "stopped")
            one.kill()
            one.wait()
        assert becomes(other, "sleeping")
    finally:
        for process in (one, other):
            process.kill()
            process.wait()


def becomes(process: subprocess.Popen[bytes], status: str) -> bool:
    """Whether a process is soon in this state: a signal is taken when the process is next looked at."""
    deadline = time.monotonic() + 10.0
    while psutil.Process(process.pid).status() != status and time.monotonic() < deadline:
        time.sleep(0.01)
    return psutil.Process(process.pid).status() == status


def test_what_is_kept_is_what_is_read_a_row_a_line(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    one = Row(
        "a", "what", "s", 1.23456, 2, "idle", Bound("ours", most=1), parts={"x": 0.123456}, series={"y": [1.0, 2]}
    )
    kept = keep([one, Row("name", "what", "people/s", 500.0, 100.0, "naive")], ["--quick"], {"a": 12.3, "b": 1.4}, file)
    assert json.loads(file.read_text()) == kept
    assert kept["took_s"] == 14
    assert kept["commit"]
    assert kept["machine"]["cores"]
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
    assert kept["rows"][0]["ours"] == 1.235
    assert kept["rows"][0]["parts"] == {"x": 0.1235}
    assert kept["rows"][0]["required"] == [{"bound": "≤ 1", "judged": False, "ok": False}]
    assert sum(line.startswith('    {"name"') for line in file.read_text().splitlines()) == 2
