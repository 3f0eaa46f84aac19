"""Forked processes have the same environment as processes started by exec, and end in the same way."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from local.folder_lock import FolderLock
from local.processes import Exit, ProcessSpec, Supervisor
from tests.processes.alive import is_alive

WORLD = """
import json, os, signal, sys
print(json.dumps({
    "name": __name__,
    "arguments": sys.argv[1:],
    "program": os.path.basename(sys.argv[0]),
    "environment": dict(os.environ),
    "leads its session": os.getsid(0) == os.getpid() == os.getpgid(0),
    "stdin": sys.stdin.read(),
    "open files": sorted(int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")),
    "signals": {int(s): str(signal.getsignal(s)) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)},
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
    "umask": os.umask(0o22),
    "folder": os.getcwd(),
    "threads": len(os.listdir("/proc/self/task")),
}))
"""
ENDS = {
    "by itself": ("print('done')", 0),
    "with a code": ("raise SystemExit(3)", 3),
    "with a sentence": ("raise SystemExit('this worker cannot start')", 1),
    "by a fault": ("raise ValueError('of ours')", 1),
    "at once": ("import os; os._exit(9)", 9),
    "killed": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
    "told to stop": ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
}
MakeSpec = Callable[..., ProcessSpec]


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads of pytest-xdist, that were here before, do not count."""
    count = threading.active_count
    beside = count() - 1
    monkeypatch.setattr(threading, "active_count", lambda: count() - beside)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeSpec:
    """Makes a module of some code, to be run as `python -m NAME`."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name: str, code: str, *arguments: str, restart: bool = False) -> ProcessSpec:
        (tmp_path / f"{name}.py").write_text(code)
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), "LC_ALL": "C.UTF-8", "ONLY": "this"}
        return ProcessSpec(name, [sys.executable, "-m", name, *arguments], env, restart)

    return make


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """One that forks."""
    supervisor = Supervisor(tmp_path, forks=True)
    yield supervisor
    supervisor.stop(within=0)


def eventually(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def ended(supervisor: Supervisor, spec: ProcessSpec) -> Exit:
    """How a process ended."""
    exits: list[Exit] = []
    supervisor.start(spec)
    eventually(lambda: exits.extend(supervisor.tick()) or exits)
    return exits[0]


def world(folder: Path, spec: ProcessSpec, *, forks: bool) -> dict[str, Any]:
    supervisor = Supervisor(folder, forks=forks)
    assert ended(supervisor, spec).returncode == 0, (folder / "logs" / f"{spec.name}.log").read_text()
    seen: dict[str, Any] = json.loads((folder / "logs" / f"{spec.name}.log").read_text())
    return seen


def test_a_forked_process_sees_the_world_of_one_started_by_exec(tmp_path: Path, program: MakeSpec) -> None:
    spec = program("world", WORLD, "worker", "--name=é")
    lock, (ours, other) = FolderLock(tmp_path / "lock", "a test"), os.pipe()
    lock.acquire()
    signal.signal(signal.SIGHUP, lambda *_: None)
    try:
        started = world(tmp_path / "exec", spec, forks=False)
        forked = world(tmp_path / "fork", spec, forks=True)
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        lock.release()
        os.close(ours)
        os.close(other)

    assert forked == started
    assert forked["open files"] == [0, 1, 2]
    assert forked["environment"]["ONLY"] == "this"


@pytest.mark.parametrize("how", ENDS)
def test_a_forked_process_ends_as_any(supervisor: Supervisor, tmp_path: Path, program: MakeSpec, how: str) -> None:
    code, expected = ENDS[how]
    assert ended(supervisor, program("ends", code)).returncode == expected
    said = (tmp_path / "logs" / "ends.log").read_text()
    assert (said == "this worker cannot start\n") == (how == "with a sentence")
    assert ("ValueError: of ours" in said) == (how == "by a fault")


def test_what_is_loaded_here_is_there_already_and_the_command_line_is_its_own(
    supervisor: Supervisor, tmp_path: Path, program: MakeSpec
) -> None:
    code = "import sys, time; print('psutil' in sys.modules, flush=True); time.sleep(60)"
    supervisor.start(program("sleeper", code, "worker", "worker-1@here"))
    log = tmp_path / "logs" / "sleeper.log"
    eventually(log.read_bytes)

    assert log.read_text() == "True\n"
    shown = psutil.Process(supervisor.pids["sleeper"]).cmdline()
    assert shown[:4] == ["python", "-m", "sleeper", "worker"]


def test_it_is_started_again_and_stopped_with_its_children(
    supervisor: Supervisor, tmp_path: Path, program: MakeSpec
) -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    supervisor.start(program("parent", code, restart=True))
    log = tmp_path / "logs" / "parent.log"
    eventually(log.read_bytes)
    first = supervisor.pids["parent"]
    os.kill(first, signal.SIGKILL)

    def again() -> bool:
        supervisor.tick()
        return len(log.read_text().splitlines()) == 2

    eventually(again)
    assert supervisor.pids["parent"] != first
    supervisor.stop()
    for grandchild in map(int, log.read_text().split()):
        eventually(lambda pid=grandchild: not is_alive(pid))


def test_where_another_thread_runs_it_is_started_by_exec(
    supervisor: Supervisor, tmp_path: Path, program: MakeSpec
) -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    code = "import sys, time; print('psutil' in sys.modules, flush=True); time.sleep(60)"
    log = tmp_path / "logs" / "sleeper.log"
    thread.start()
    try:
        supervisor.start(program("sleeper", code))
        eventually(log.read_bytes)
    finally:
        over.set()
        thread.join()

    assert log.read_text() == "False\n"
