"""Keeps the processes of the one-machine stack running, and leaves none behind.

One thread drives it: `start` each process, call `tick` about ten times a second, `stop` at the end. `stop_leftovers`
ends what a killed supervisor left, before the next one starts.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from local.forking import Forked, can_fork, fork
from local.private_files import read_private, write_private

FIRST_DELAY_S, LONGEST_DELAY_S, SETTLED_S = 0.2, 5.0, 30.0
LOG_LIMIT_BYTES = 20_000_000
TRIM_EVERY_S = 5.0
# Linux derives a process's create time from the boot time, which moves by up to a second between two reads.
SAME_PROCESS_S = 2.0


@dataclass(frozen=True)
class ProcessSpec:
    """A process to keep running: `env` is its whole environment; `restart=False` lets it end by itself."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    restart: bool = True


@dataclass(frozen=True)
class Exit:
    """A process ended unexpectedly: its return code (-9: SIGKILL), the seconds until it starts again or None."""

    name: str
    returncode: int
    again_in_s: float | None


Running = subprocess.Popen[bytes] | Forked


@dataclass
class _Child:
    spec: ProcessSpec
    process: Running | None = None
    started: float = 0.0
    delay: float = FIRST_DELAY_S
    due: float | None = None


class Supervisor:
    """Starts processes in sessions of their own (Ctrl-C only reaches us), restarts them, ends them."""

    def __init__(self, data_dir: Path, *, forks: bool = False) -> None:
        """`forks`: fork this process where possible, so that all of them share what is loaded here."""
        self._data_dir, self._forks = data_dir, forks
        self._children: dict[str, _Child] = {}
        self._trimmed_at = float("-inf")

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each process that is believed to live, by name, in order of start."""
        return {name: c.process.pid for name, c in self._children.items() if c.process is not None}

    def start(self, spec: ProcessSpec) -> None:
        """Start a process. Raises OSError when its program can't run, ValueError when the name is taken."""
        if spec.name in self._children:
            raise ValueError(f"a process named {spec.name} is supervised already")
        child = _Child(spec)
        self._spawn(child)
        self._children[spec.name] = child
        self._record()

    def tick(self) -> list[Exit]:
        """Notice deaths, restart what is due, keep logs short. Never blocks; returns the deaths."""
        exits, now = [], time.monotonic()
        if trim := now - self._trimmed_at >= TRIM_EVERY_S:
            self._trimmed_at = now
        for child in self._children.values():
            if trim:
                trim_log(self._log(child))
            if child.process is not None and (returncode := child.process.poll()) is not None:
                _kill_group(child.process.pid)
                exits.append(self._schedule(child, now, returncode))
            elif child.due is not None and now >= child.due:
                try:
                    self._spawn(child)
                except OSError:  # no memory, or the program is being replaced: treat it as an immediate death
                    exits.append(self._schedule(child, now, 127))
                self._record()
        return exits

    def stop(self, *stages: Collection[str], within: float = 8.0) -> None:
        """End everything in about `within` seconds, stage by stage; the names of a stage end together.

        Each gets SIGTERM, and its whole group SIGKILL when its stage's share of the time is over. Names in no stage end
        last, in reverse order of start.
        """
        deadline = time.monotonic() + within
        named = {name for stage in stages for name in stage}
        todo = [*stages, *([name] for name in reversed(self._children) if name not in named)]
        for position, stage in enumerate(todo):
            procs = [c.process for n in stage if (c := self._children.pop(n, None)) and c.process is not None]
            for process in procs:
                process.terminate()
            share = max(0.0, deadline - time.monotonic()) / (len(todo) - position)
            _wait(procs, share)
            for process in procs:
                _kill_group(process.pid)
                process.wait()
            self._record()

    def _spawn(self, child: _Child) -> None:
        start = fork_off if self._forks and can_fork(child.spec.argv) else spawn
        child.process = start(child.spec.argv, child.spec.env, self._log(child))
        child.started, child.due = time.monotonic(), None

    def _schedule(self, child: _Child, now: float, returncode: int) -> Exit:
        if child.process is not None and now - child.started >= SETTLED_S:
            child.delay = FIRST_DELAY_S
        delay = child.delay if child.spec.restart else None
        child.process, child.due = None, None if delay is None else now + delay
        child.delay = min(2 * child.delay, LONGEST_DELAY_S)
        return Exit(child.spec.name, returncode, delay)

    def _log(self, child: _Child) -> Path:
        return self._data_dir / "logs" / f"{child.spec.name}.log"

    def _record(self) -> None:
        rows = []
        for name, pid in self.pids.items():
            try:
                rows.append({"name": name, "pid": pid, "create_time": psutil.Process(pid).create_time()})
            except psutil.NoSuchProcess:
                continue
        write_private(self._data_dir / "processes.json", rows)


def stop_leftovers(data_dir: Path, within: float = 5.0) -> list[str]:
    """End what a killed supervisor left in this folder; returns the names. The caller holds its lock.

    A process is ours only if its creation time matches the record: a reused process id is never touched.
    """
    leftovers: dict[str, psutil.Process] = {}
    for row in read_private(data_dir / "processes.json") or []:
        try:
            process = psutil.Process(row["pid"])
            if abs(process.create_time() - row["create_time"]) <= SAME_PROCESS_S:
                leftovers[row["name"]] = process
        except psutil.NoSuchProcess:
            continue
    end(leftovers.values(), signal.SIGTERM, within)
    for process in leftovers.values():
        _kill_group(process.pid)
    write_private(data_dir / "processes.json", [])
    return list(leftovers)


def end(processes: Iterable[psutil.Process], how: signal.Signals, within: float) -> None:
    """Signal processes that are not our children, wait for them to end, and SIGKILL those that do not."""
    alive = [p for p in processes if not _gone(p)]
    for sign, seconds in ((how, within), (signal.SIGKILL, 2.0)):
        for process in alive:
            try:
                process.send_signal(sign)
            except psutil.NoSuchProcess:
                continue
        deadline = time.monotonic() + seconds
        while (alive := [p for p in alive if not _gone(p)]) and time.monotonic() < deadline:
            time.sleep(0.02)


def spawn(
    argv: Sequence[str],
    env: Mapping[str, str],
    log: Path,
    *,
    cwd: Path | None = None,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a program as the leader of its own session, stdout and stderr appended to `log` (mode 0600)."""
    with _opened(log) as fd:
        return subprocess.Popen(
            argv, env=env, cwd=cwd, stdin=stdin, stdout=fd, stderr=subprocess.STDOUT, start_new_session=True
        )


def fork_off(argv: Sequence[str], env: Mapping[str, str], log: Path) -> Forked:
    """The same by a fork, for a program that `local.forking.can_fork` accepts."""
    with _opened(log) as fd:
        return fork(argv, env, fd)


@contextmanager
def _opened(log: Path) -> Iterator[int]:
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    trim_log(log)
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)


def trim_log(log: Path, limit: int = LOG_LIMIT_BYTES) -> None:
    """Rename a log larger than `limit` bytes to `<name>.log.1`. Its writer appends, so it goes on at the start."""
    if log.exists() and log.stat().st_size > limit:
        shutil.copy2(log, log.with_name(f"{log.name}.1"))
        os.truncate(log, 0)


def _wait(processes: Sequence[Running], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(p.poll() is None for p in processes) and time.monotonic() < deadline:
        time.sleep(0.02)


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS refuses where only zombies are left
        return


def _gone(process: psutil.Process) -> bool:
    # In a container whose first process reaps nobody, an orphan stays a zombie for ever.
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
