"""The supervisor with real processes: it restarts, stops in order, and kills only its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from local import processes
from local.folder_lock import FolderInUseError, FolderLock
from local.private_files import read_private, write_private
from local.processes import Exit, ProcessSpec, Supervisor, stop_leftovers, trim_log
from tests.processes.alive import is_alive

SLEEPER = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
# Records when it was asked to stop, waits a little, and records when it ended.
NOTES_ITS_END = """
import signal, sys, time
def end(*_):
    asked = time.time(); time.sleep(0.2)
    open(sys.argv[1], "a").write(f"{sys.argv[2]} {asked} {time.time()}\\n"); sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
time.sleep(60)
"""
WITH_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def python(name: str, code: str, *args: str, restart: bool = True) -> ProcessSpec:
    return ProcessSpec(name, [sys.executable, "-c", code, *args], os.environ, restart)


def eventually(condition: Callable[[], object], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def is_up(data_dir: Path, *names: str) -> None:
    """Wait until each has printed something: before that it has not set its signal handlers."""
    eventually(lambda: all((data_dir / "logs" / f"{name}.log").read_bytes() for name in names))


def next_exit(supervisor: Supervisor) -> Exit:
    exits: list[Exit] = []

    def found() -> bool:
        exits.extend(supervisor.tick())
        return bool(exits)

    eventually(found)
    return exits[0]


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path)
    yield supervisor
    supervisor.stop(within=0)


def test_a_process_that_dies_is_started_again_after_a_growing_delay(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(python("brief", "print('again')"))
    delays: list[float | None] = []

    def died_three_times() -> bool:
        delays.extend(death.again_in_s for death in supervisor.tick())
        return len(delays) >= 3

    eventually(died_three_times)

    assert delays == [0.2, 0.4, 0.8]
    assert (tmp_path / "logs" / "brief.log").read_text() == "again\n" * 3


def test_the_delay_stops_growing_and_starts_over_once_a_process_has_settled(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "FIRST_DELAY_S", 0.0)
    monkeypatch.setattr(processes, "LONGEST_DELAY_S", 0.0)
    monkeypatch.setattr(processes, "SETTLED_S", 3_600.0)
    supervisor.start(python("worker", SLEEPER))
    supervisor._children["worker"].delay = 5.0  # as after many deaths

    os.kill(supervisor.pids["worker"], signal.SIGKILL)
    assert next_exit(supervisor) == Exit("worker", -signal.SIGKILL, 5.0)
    assert supervisor._children["worker"].delay == 0.0  # 2 x 5 s, cut to the longest

    supervisor._children["worker"].delay = 5.0
    supervisor._children["worker"].due = 0.0
    supervisor.tick()
    supervisor._children["worker"].started -= 3_600.0
    os.kill(supervisor.pids["worker"], signal.SIGKILL)
    assert next_exit(supervisor).again_in_s == 0.0


def test_a_process_that_may_end_is_left_ended(supervisor: Supervisor) -> None:
    supervisor.start(python("once", "raise SystemExit(3)", restart=False))
    assert next_exit(supervisor) == Exit("once", 3, None)
    time.sleep(0.3)
    assert supervisor.tick() == []
    assert supervisor.pids == {}


def test_children_of_a_dead_process_do_not_outlive_it(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(python("parent", WITH_CHILD))
    is_up(tmp_path, "parent")
    grandchild = int((tmp_path / "logs" / "parent.log").read_text())

    os.kill(supervisor.pids["parent"], signal.SIGKILL)
    eventually(supervisor.tick)

    eventually(lambda: not is_alive(grandchild))


def test_stages_stop_one_after_the_other_and_the_rest_last(supervisor: Supervisor, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    names = ("web", "worker-1", "worker-2", "beat")
    for name in names:
        supervisor.start(python(name, NOTES_ITS_END, str(notes), name))
    is_up(tmp_path, *names)

    supervisor.stop(["beat"], ["worker-1", "worker-2"])

    told = {name: (float(asked), float(ended)) for name, asked, ended in map(str.split, notes.open())}
    assert told["beat"][1] < min(told["worker-1"][0], told["worker-2"][0])
    assert told["worker-1"][0] < told["worker-2"][1]
    assert told["worker-2"][0] < told["worker-1"][1]  # the two of a stage together
    assert max(told["worker-1"][1], told["worker-2"][1]) < told["web"][0]
    assert read_private(tmp_path / "processes.json") == []


class Clock:
    """Time goes by where somebody sleeps, and nowhere else."""

    at = 0.0

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def test_stopping_takes_no_longer_than_it_was_given(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("deaf-1", "deaf-2", "deaf-3"):
        supervisor.start(python(name, STUBBORN))
    is_up(tmp_path, "deaf-1", "deaf-2", "deaf-3")
    pids = list(supervisor.pids.values())

    clock = Clock()
    monkeypatch.setattr(processes, "time", clock)
    supervisor.stop(within=0.6)

    assert clock.at == pytest.approx(0.6, abs=0.1)  # and not for each
    assert not any(is_alive(pid) for pid in pids)


def test_ctrl_c_in_the_terminal_does_not_reach_the_processes(supervisor: Supervisor) -> None:
    supervisor.start(python("worker", SLEEPER))
    assert os.getsid(supervisor.pids["worker"]) == supervisor.pids["worker"] != os.getsid(0)


def test_a_program_that_does_not_exist_is_told_at_once(supervisor: Supervisor) -> None:
    with pytest.raises(FileNotFoundError):
        supervisor.start(ProcessSpec("ghost", ["/nowhere/ghost"], {}))
    assert supervisor.pids == {}


def test_what_a_killed_supervisor_left_is_stopped(tmp_path: Path) -> None:
    script = (
        "import os, sys, time; from pathlib import Path\n"
        "from local.processes import ProcessSpec, Supervisor\n"
        "supervisor = Supervisor(Path(sys.argv[1]))\n"
        "for name, code in zip(('polite', 'deaf'), sys.argv[2:]):\n"
        "    supervisor.start(ProcessSpec(name, [sys.executable, '-c', code], os.environ))\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    argv = [sys.executable, "-c", script, str(tmp_path), SLEEPER, STUBBORN]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"ready\n"
        is_up(tmp_path, "polite", "deaf")
        killed.kill()
    pids = [row["pid"] for row in read_private(tmp_path / "processes.json")]
    assert all(is_alive(pid) for pid in pids)

    assert sorted(stop_leftovers(tmp_path, within=0.3)) == ["deaf", "polite"]

    assert not any(is_alive(pid) for pid in pids)
    assert stop_leftovers(tmp_path) == []


def test_a_process_id_used_anew_is_never_touched(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=True) as stranger:
        created = psutil.Process(stranger.pid).create_time()
        row = {"name": "worker", "pid": stranger.pid, "create_time": created - 60}
        write_private(tmp_path / "processes.json", [row])

        assert stop_leftovers(tmp_path) == []

        time.sleep(0.1)
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("content", ["", "[{", None])
def test_a_record_that_is_missing_or_torn_means_no_leftovers(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "processes.json").write_text(content)
    assert stop_leftovers(tmp_path) == []


def test_the_record_is_for_its_owner_only(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(python("worker", SLEEPER))
    (row,) = json.loads((tmp_path / "processes.json").read_text())
    assert row["pid"] == supervisor.pids["worker"]
    for file in ("processes.json", "logs/worker.log"):
        assert (tmp_path / file).stat().st_mode & 0o777 == 0o600


def test_a_log_is_cut_while_its_writer_goes_on(supervisor: Supervisor, tmp_path: Path) -> None:
    code = "import time\nfor n in range(10**6): print(f'{n:0200}', flush=True); time.sleep(0.001)"
    supervisor.start(python("chatty", code))
    log = tmp_path / "logs" / "chatty.log"
    eventually(lambda: log.stat().st_size > 4000)

    trim_log(log, limit=4000)
    eventually(lambda: log.stat().st_size > 1000)

    # The kernel writes a line that crosses a page in two steps, and the cut may fall between them.
    moved = log.with_name("chatty.log.1").read_text().splitlines()[:-1]
    assert [int(line) for line in moved] == list(range(len(moved)))
    assert b"\0" not in log.read_bytes()  # no hole where the old text was
    assert int(log.read_text().splitlines()[1]) >= len(moved)


def test_a_folder_has_one_holder_who_is_named_and_whose_death_frees_it(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from local.folder_lock import FolderLock\n"
        "lock = FolderLock(Path(sys.argv[1]) / 'lock', '`consent up`'); lock.acquire()\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    ours = FolderLock(tmp_path / "lock", "`consent up`")
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        with pytest.raises(
            FolderInUseError, match=rf"`consent up` already runs on {tmp_path} \(process {holder.pid}\)"
        ):
            ours.acquire()
        holder.kill()

    ours.acquire()
    ours.acquire()  # again does no harm
    with pytest.raises(FolderInUseError):
        FolderLock(tmp_path / "lock", "`consent up`").acquire()
    ours.release()
    FolderLock(tmp_path / "lock", "`consent up`").acquire()


def test_processes_do_not_keep_the_lock_of_a_killed_supervisor(supervisor: Supervisor, tmp_path: Path) -> None:
    lock = FolderLock(tmp_path / "lock", "`consent up`")
    lock.acquire()
    supervisor.start(python("worker", SLEEPER))
    lock.release()
    FolderLock(tmp_path / "lock", "`consent up`").acquire()
