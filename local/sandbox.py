"""The sandbox as a process beside a stack: started on a free port, and queried for what its vendors hold."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import httpx

from local.processes import spawn
from local.services import ServiceError

START_S = 20.0
NO_LIMITS: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox."""

    url: str
    environment: Mapping[str, str]
    """The settings that point a stack to it."""
    restart: Callable[[], bool] = field(default=lambda: False, repr=False)
    """Starts it again on its port where it has ended. Returns whether it had: it has lost its people then. Raises
    ServiceError."""

    def seed(self, people: Sequence[Mapping[str, Any]]) -> None:
        """Make all vendors hold these people (subject records). Raises httpx.HTTPError."""
        httpx.post(f"{self.url}/_sandbox/people", json=people, timeout=60).raise_for_status()

    def fill_directory(self, people: Sequence[Mapping[str, Any]]) -> None:
        """Add these people to the controller's directory. Raises httpx.HTTPError."""
        self.call("POST", "/directory", people)

    def facts(self) -> list[Mapping[str, Any]]:
        """What every vendor holds of everybody now. Raises httpx.HTTPError."""
        answer = httpx.get(f"{self.url}/_sandbox/people", timeout=60).raise_for_status()
        return [json.loads(line) for line in answer.text.splitlines()]

    def violations(self) -> list[dict[str, Any]]:
        """The broken rules of the vendors' pages, and how often. Raises httpx.HTTPError."""
        broken: list[dict[str, Any]] = httpx.get(f"{self.url}/_sandbox/violations").raise_for_status().json()
        return broken

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the sandbox's admin API (`sandbox/admin.py`). Raises httpx.HTTPError."""
        return httpx.request(method, f"{self.url}/_sandbox{path}", json=body, timeout=60).raise_for_status().json()


class Started(Protocol):
    """A process, as far as it matters here."""

    def poll(self) -> int | None:
        """Its return code, or None while it runs."""

    def wait(self, timeout: float) -> int:
        """Wait for its end; returns the return code."""

    def terminate(self) -> None:
        """Send SIGTERM."""


Start = Callable[[Sequence[str], Mapping[str, str], Path], Started]
"""Starts a program in this environment, which appends what it says to this file."""


@contextmanager
def sandbox(
    folder: Path,
    *,
    faults: str,
    seed: int,
    limits: Mapping[str, int] = NO_LIMITS,
    directory: bool = False,
    start_by: Start = spawn,
) -> Iterator[Sandbox]:
    """A sandbox with its log in `folder`, ended on exit: with the limits of a demonstration, except for `limits`.
    `directory`: its settings include the controller's directory. Raises ServiceError where it does not start."""
    ready_file = folder / "sandbox.port"
    program = [sys.executable, "-m", "sandbox"]
    raised = ["--roomy", *(f"--limit={vendor}={limit}" for vendor, limit in limits.items())]
    argv = [*program, f"--faults={faults}", f"--seed={seed}", f"--ready-file={ready_file}", *raised]

    def start(port: int) -> Started:
        ready_file.unlink(missing_ok=True)
        return start_by([*argv, f"--port={port}"], {}, folder / "sandbox.log")

    process = start(0)

    def restart() -> bool:
        nonlocal process
        if process.poll() is None:
            return False
        process = start(port)
        _await_port(ready_file, process)
        return True

    try:
        port = _await_port(ready_file, process)
        told = ["--print-env", f"--port={port}", *raised, *(["--directory"] if directory else [])]
        environment = _printed([*program, *told], folder / "sandbox.env", start_by)
        yield Sandbox(f"http://127.0.0.1:{port}", environment, restart)
    finally:
        process.terminate()
        process.wait(timeout=10)


def _printed(argv: Sequence[str], file: Path, start_by: Start) -> dict[str, str]:
    file.unlink(missing_ok=True)
    try:
        if start_by(argv, {}, file).wait(timeout=START_S) != 0:
            raise ServiceError("the sandbox did not tell its settings")
        return dict(line.split("=", 1) for line in file.read_text().split())
    except subprocess.TimeoutExpired:
        raise ServiceError("the sandbox did not tell its settings in time") from None
    finally:
        file.unlink(missing_ok=True)


def _await_port(ready_file: Path, process: Started) -> int:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        if ready_file.exists() and (port := ready_file.read_text().strip()):
            return int(port)
        time.sleep(0.05)
    raise ServiceError("the sandbox did not start; see sandbox.log")
