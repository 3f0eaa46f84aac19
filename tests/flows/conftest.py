"""A sandbox and a whole stack of real processes, for the flows."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local.sandbox import Sandbox, sandbox

CONSENT = [sys.executable, "-c", "from local.main import main; main()"]
READY_S = 180.0


@dataclass
class Stack:
    """`consent up` in a process of its own, and the command line beside it."""

    environment: dict[str, str]
    folder: Path
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    def up(self, *more: str) -> None:
        """Start it, and wait for the line that says it can take requests."""
        log = self.folder / "up.log"
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [*CONSENT, "up", "--workers", "2", *more], env=self.environment, stdout=out, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + READY_S
        while b"ready" not in log.read_bytes():
            assert self.process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)

    @property
    def api_url(self) -> str:
        """Where its HTTP API is, as the line with `ready` says."""
        found = re.search(r"ready: .*API on (\S+);", (self.folder / "up.log").read_text())
        assert found is not None
        return found[1]

    def down(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it, and return its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(timeout=30)

    def run(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run one command against it."""
        return subprocess.run(
            [*CONSENT, *arguments],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )


@pytest.fixture
def vendors(tmp_path: Path) -> Iterator[Sandbox]:
    """Five vendors with mild faults."""
    with sandbox(tmp_path, faults="mild", seed=11) as running:
        yield running


@pytest.fixture
def environment(tmp_path: Path, vendors: Sandbox) -> dict[str, str]:
    """For a stack of a data folder of its own that talks to `vendors`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENT_")}
    settings = {
        "CONSENT_DATA_DIR": str(tmp_path / "data"),
        "CONSENT_FLOWER_PORT": str(_free_port()),
        "CONSENT_WEB_PORT": "0",
    }
    return {**clean, **settings, **vendors.environment}


@pytest.fixture
def stack(tmp_path: Path, environment: dict[str, str]) -> Iterator[Stack]:
    """A stack that talks to `vendors`; started, and stopped at the end."""
    running = Stack(environment, tmp_path)
    running.up()
    yield running
    if running.process is not None and running.process.poll() is None:
        running.down()


@pytest.fixture
def people() -> Callable[..., list[dict[str, Any]]]:
    """Made-up people, each with a shop session; `mark` puts a word that the sandbox knows before their user_id."""

    def make(prefix: str, count: int, mark: str = "") -> list[dict[str, Any]]:
        names = [f"{mark}{prefix}-{number}" for number in range(count)]
        return [
            {
                "user_id": name,
                "email": f"{name}@example.org",
                "phone_number": f"+8210{(hash(prefix) % 9_000 + 1_000) * 10_000 + number:08d}",
                "vendors": {"akinon": {"session_id": f"s-{name}", "csrf_token": f"c-{name}"}},
            }
            for number, name in enumerate(names)
        ]

    return make


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
