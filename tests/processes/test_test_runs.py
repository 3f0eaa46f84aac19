"""What a run of the tests reads, leaves and shares out: no setting of the developer, no process, whole groups."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

RUN = [
    sys.executable,
    "-m",
    "pytest",
    "-q",
    "-p",
    "tests.conftest",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:schemathesis",
    "-c",
    os.devnull,
]
INNER = textwrap.dedent("""
    import json, os, subprocess, sys, time
    from local.processes import spawn

    SLEEP = [sys.executable, "-c", "import time; time.sleep(300)"]

    def test_that_is_cut(tmp_path):
        heir = subprocess.Popen(SLEEP, start_new_session=True)
        server = spawn(SLEEP, {}, tmp_path / "server.log", cwd=tmp_path)
        named = spawn([*SLEEP, f"--folder={tmp_path}/data"], {}, tmp_path / "named.log")
        (tmp_path / "data/postgres/global").mkdir(parents=True)
        (tmp_path / "data/postgres/PG_VERSION").write_text("18")
        ours = sorted(name for name in os.environ if name.startswith("CONSENT_"))
        print(json.dumps({"pids": [each.pid for each in (heir, server, named)], "settings": ours}), flush=True)
        time.sleep(300)
""")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_cut_leaves_no_process_and_reads_no_setting_of_the_developer(
    how: signal.Signals, tmp_path: Path
) -> None:
    (tmp_path / "test_inner.py").write_text(INNER)
    argv = [*RUN, "--capture=no", f"--basetemp={tmp_path}/of-the-run", str(tmp_path / "test_inner.py")]
    theirs = {**os.environ, "CONSENT_DATABASE_URL": "postgresql://theirs.example/x", "CONSENT_HOLD_AFTER": "no number"}
    with subprocess.Popen(argv, env=theirs, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        told = json.loads(next(line for line in run.stdout if line.startswith("{")))
        started = [psutil.Process(pid) for pid in told["pids"]]
        run.send_signal(how)
        deadline = time.monotonic() + 60
        while (alive := [each for each in started if not has_ended(each)]) and time.monotonic() < deadline:
            time.sleep(0.05)
        while list(tmp_path.rglob("PG_VERSION")) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert told["settings"] == []
    assert len(started) == 3
    assert alive == []
    left = {path.name for path in tmp_path.rglob("*")}
    assert "server.log" in left
    assert not left & {"PG_VERSION", "postgres"}


GROUPED = """
import os, pathlib, pytest
{mark}

@pytest.mark.parametrize("number", range(6))
def test_where(number):
    pathlib.Path(os.environ["TOLD"], f"{name}-{{number}}").write_text(os.environ["PYTEST_XDIST_WORKER"])
"""


def test_a_group_of_tests_goes_to_one_process_of_the_run(tmp_path: Path) -> None:
    mark = 'pytestmark = pytest.mark.xdist_group("stack")'
    for name, marked in (("test_a", mark), ("test_b", ""), ("test_c", mark), ("test_d", "")):
        (tmp_path / f"{name}.py").write_text(GROUPED.format(mark=marked, name=name))
    told = tmp_path / "told"
    told.mkdir()
    argv = [*RUN, "-n", "2", f"--rootdir={tmp_path}", f"--basetemp={tmp_path}/of-the-run", str(tmp_path)]
    subprocess.run([*argv, "-o", "markers=xdist_group"], env={**os.environ, "TOLD": str(told)}, check=True, timeout=120)

    where = {name: {each.read_text() for each in told.glob(f"test_{name}-*")} for name in "abcd"}
    assert {len(workers) for workers in where.values()} == {1}, where
    assert where["a"] == where["c"]
    assert len({*where["a"], *where["b"], *where["d"]}) == 2, "all processes work"


def has_ended(process: psutil.Process) -> bool:
    # Where the first process of a container reaps nobody, an orphan stays a zombie.
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
