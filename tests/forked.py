"""Starts `python -m …` by forking a process that has loaded all of ours: an interpreter of its own takes two or three
seconds of processor to do so, for each of some sixty processes.

They are processes like others: a session, an environment, signals and a log of their own (`local/forking.py`). Tests of
what is loaded, of memory, and of how a program is started start an interpreter.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from functools import partial
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

from local import sandbox as sandboxes
from local.forking import become

_SERVER = get_context("forkserver")  # it has one thread, which a process that runs tests does not promise
_SERVER.set_forkserver_preload(["tests.preloaded"])


class ForkedProcess:
    """A process that was forked, with what tests need of `subprocess.Popen`."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        self.pid = process.pid or 0

    def poll(self) -> int | None:
        """The return code (-9: SIGKILL), or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; returns the return code. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if (code := self.poll()) is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send this signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


def start_forked(argv: Sequence[str], env: Mapping[str, str], log: Path) -> ForkedProcess:
    """Start `[sys.executable, "-m", module, …]` as the leader of its own session, stdout and stderr appended to `log`;
    `env` is its whole environment."""
    process = _SERVER.Process(target=_become, args=(list(argv), dict(env), log), name=argv[2])
    process.start()
    return ForkedProcess(process)


def _become(argv: list[str], env: dict[str, str], log: Path) -> None:
    become(argv, env, os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))


forked_sandbox = partial(sandboxes.sandbox, start_by=start_forked)
"""As local.sandbox.sandbox, forked."""
