"""A worker and beat as processes of their own, and the ledger that they work on."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine, text

from domain.requests import Kind
from ledger.sealing import MasterKeys
from tasks.submission import Submission
from tasks.submit import submit
from tests.forked import ForkedProcess, start_forked

WITHIN_S = 100.0


class Host:
    """A worker and beat, what they log, and the ledger that they work on."""

    def __init__(self, engine: Engine, masters: MasterKeys, folder: Path, environment: dict[str, str]) -> None:
        self.engine, self.environment = engine, environment
        self._masters, self._folder = masters, folder
        self._processes: list[ForkedProcess] = []

    def restart(self, masters: str) -> None:
        """Have both go on with other master keys."""
        self.stop()
        self._processes.clear()
        self._masters, self.environment["CONSENT_MASTER_KEYS"] = MasterKeys.parse(masters), masters
        self.start()

    def start(self) -> None:
        """Start both."""
        for name, *words in (("worker", "worker", "w@here"), ("beat", "beat")):
            self.start_too(name, [sys.executable, "-m", "worker.start", *words])
        self.await_true("SELECT served_at IS NOT NULL FROM vendors WHERE name = 'dfinery'")

    def start_too(self, name: str, command: list[str]) -> None:
        """Start another process of ours."""
        self._processes.append(start_forked(command, self.environment, self._folder / f"{name}.log"))

    def stop(self) -> None:
        """End both."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)

    def submit(self) -> UUID:
        """An opt-out of one person, of which nobody is told by Redis."""
        order, people = Submission(Kind.OPT_OUT, ("dfinery",)), [{"user_id": f"u-{time.monotonic_ns()}"}]
        done = submit(order, people, engine=self.engine, masters=self._masters, wake=lambda _: None)
        return done.recorded.public_id

    def await_that(self, holds: Callable[[], object]) -> None:
        """Wait for it, with both alive."""
        deadline = time.monotonic() + WITHIN_S
        while not holds():
            assert [process.poll() for process in self._processes] == [None] * len(self._processes), self.logs()
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.1)

    def await_true(self, question: str, **values: object) -> None:
        """Wait until the ledger says yes, with both alive."""

        def says_yes() -> object:
            with self.engine.connect() as connection:
                return connection.execute(text(question), values).scalar()

        self.await_that(says_yes)

    def await_delivery(self, request: UUID) -> None:
        """Wait until all of a request is delivered."""
        self.await_true("SELECT status = 'completed' FROM requests WHERE public_id = :id", id=request)

    def await_log(self, words: str) -> None:
        """Wait until the worker has said so."""
        self.await_that(lambda: words in self.logs())

    def logs(self) -> str:
        """What the worker has said."""
        return (self._folder / "worker.log").read_text()
