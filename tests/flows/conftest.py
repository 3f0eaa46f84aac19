"""A sandbox and whole stacks of real processes, for the flows.

A stack takes ten seconds to start, so flows share two, with each other's requests and never with each other's people:
`stack` with the usual settings, and `special_stack`. A flow may leave one ended; the next flow starts it again.
They end with the last flow of a process, as an idle stack takes a twentieth of a processor.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from local.main import app
from local.processes import spawn
from local.sandbox import Sandbox
from sandbox.vendors.b2core import B2CoreAccount
from tests.cli_runner import CliRunner
from tests.flows.receiver import SECRET, Receiver, receiver
from tests.forked import ForkedProcess, forked_sandbox, start_forked
from tests.ports import free_port
from tests.services import prepare

CONSENT = [sys.executable, "-c", "from local.main import main; main()"]
FORKED = [sys.executable, "-m", "tests.flows.consent"]
READY_S = 180.0
STOPS_S = 60.0


@dataclass(frozen=True)
class Done:
    """The result of a command."""

    returncode: int
    stdout: str
    stderr: str


@dataclass
class Stack:
    """`consent up` in a process of its own, and the command line beside it."""

    environment: dict[str, str]
    folder: Path
    forked: bool = True
    """And its PostgreSQL a copy; not where it matters how the program is started, what it loads, or what it makes."""
    process: "subprocess.Popen[bytes] | ForkedProcess | None" = field(default=None)

    def up(self, *more: str) -> None:
        """Start it, and wait for the line that says that it takes requests."""
        log = self.folder / "up.log"
        log.unlink(missing_ok=True)
        words = ["up", "--workers", "2", *more]
        if self.forked:
            if not self.data.exists():
                prepare(self.data)
            self.process = start_forked([*FORKED, *words], self.environment, log)
        else:
            self.process = spawn([*CONSENT, *words], self.environment, log)
        deadline = time.monotonic() + READY_S
        while not (log.exists() and b"ready" in log.read_bytes()):
            said = log.read_text() if log.exists() else ""
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.1)

    @property
    def is_up(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    @property
    def data(self) -> Path:
        """Its data folder."""
        return Path(self.environment["CONSENT_DATA_DIR"])

    @property
    def api_url(self) -> str:
        """The address of its HTTP API, from the line with `ready`."""
        found = re.search(r"ready: .*API on (\S+);", (self.folder / "up.log").read_text())
        assert found is not None
        return found[1]

    def down(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it, and return its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(timeout=STOPS_S)

    def run(self, *arguments: str, stdin: str = "") -> Done:
        """Run one command against it, in this process: a new process would first load everything, a second each."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                if name.startswith("CONSENT_"):
                    patch.setenv(name, value)
            result = CliRunner().invoke(app, arguments, input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)


def environment_of(folder: Path, vendors: Sandbox, **more: str) -> dict[str, str]:
    """For a stack with a data folder in `folder` that talks to `vendors`."""
    settings = {
        "CONSENT_DATA_DIR": str(folder / "data"),
        "CONSENT_FLOWER_PORT": str(free_port()),
        "CONSENT_WEB_PORT": "0",
        "CONSENT_LEASE_S": "5",  # what a killed process leaves is taken up soon
        "CONSENT_PROBE_AFTER_S": "1",
    }
    return {**os.environ, **settings, **vendors.environment, **more}


@pytest.fixture(scope="package")
def _vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with forked_sandbox(tmp_path_factory.mktemp("vendors"), faults="mild", seed=11) as running:
        yield running


@pytest.fixture
def vendors(_vendors: Sandbox) -> Sandbox:
    """Five vendors with mild faults, which know nobody."""
    _vendors.call("DELETE", "")
    return _vendors


@pytest.fixture(scope="package")
def _stack(tmp_path_factory: pytest.TempPathFactory, _vendors: Sandbox) -> Iterator[Stack]:
    yield from _kept(tmp_path_factory.mktemp("stack"), _vendors, {})


@pytest.fixture
def stack(_stack: Stack, vendors: Sandbox) -> Stack:
    """A running stack that talks to `vendors`."""
    if not _stack.is_up:
        _stack.up()
    return _stack


@pytest.fixture(scope="package")
def _receiver() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def posts(_receiver: Receiver) -> Receiver:
    """The receiver of the special stack's notices to `shop`, empty."""
    _receiver.came.clear()
    return _receiver


@pytest.fixture(scope="package")
def _special_stack(tmp_path_factory: pytest.TempPathFactory, _vendors: Sandbox, _receiver: Receiver) -> Iterator[Stack]:
    account = B2CoreAccount()
    settings = {
        "CONSENT_AKINON__LOYALTY": "true",
        "CONSENT_B2CORE__CLIENT_ID": account.client_id,
        "CONSENT_B2CORE__CLIENT_SECRET": account.client_secret,
        "CONSENT_B2CORE__TOKEN": "",
        "CONSENT_VERIFY_AFTER_S": "1",
        "CONSENT_WEBHOOKS__LOOPBACK": "true",
        "CONSENT_WEBHOOKS__RECEIVERS": json.dumps({"shop": {"url": _receiver.url, "secrets": [SECRET]}}),
    }
    yield from _kept(tmp_path_factory.mktemp("special-stack"), _vendors, settings)


@pytest.fixture
def special_stack(_special_stack: Stack, vendors: Sandbox) -> Stack:
    """A running stack that reads back soon, tells a receiver, and renews its own tokens at B2CORE. No web process."""
    if not _special_stack.is_up:
        _special_stack.up("--no-web")
    return _special_stack


def _kept(folder: Path, vendors: Sandbox, settings: Mapping[str, str]) -> Iterator[Stack]:
    environment = {name: value for name, value in environment_of(folder, vendors, **settings).items() if value}
    running = Stack(environment, folder)
    yield running
    if running.is_up:
        running.down()


_calls = count(1)


@pytest.fixture
def people() -> Callable[..., list[dict[str, Any]]]:
    """Made-up people, each with a shop session; `mark` puts a word that the sandbox knows before their user_id.
    Everybody is new."""

    def make(prefix: str, count: int, mark: str = "") -> list[dict[str, Any]]:
        call = next(_calls)
        names = [f"{mark}{prefix}-{call}-{number}" for number in range(count)]
        return [
            {
                "user_id": name,
                "email": f"{name}@example.org",
                "phone_number": f"+8210{(1_000 + call) * 10_000 + number}",
                "vendors": {"akinon": {"session_id": f"s-{name}", "csrf_token": f"c-{name}"}},
            }
            for number, name in enumerate(names)
        ]

    return make
