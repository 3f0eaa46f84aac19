"""What the PostgreSQL and the Redis of the one-machine stack share: real servers from PyPI wheels, state in DATA_DIR.

Both answer on a Unix socket only, in a folder that nobody else can enter: on a TCP port a stranger could listen first,
and learn the password. The password is random, and stored in `DATA_DIR/<service>.json` (mode 0600). Starting first ends
what a killed run left in the same folder, so it works after any SIGKILL.
"""

import importlib.util
import os
import re
import secrets
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import psutil

from config.data_folder import ForeignFolderError, check_ours
from local.folder_lock import FolderInUseError, FolderLock
from local.private_files import read_private, write_private
from local.processes import trim_log
from local.sockets import leave, socket_folder

HOST = "127.0.0.1"


class ServiceError(Exception):
    """A service of the one-machine stack can't run; the message says why and what to do."""


class Server(ABC):
    """What PostgreSQL and Redis have in common: a folder, a lock, a stored password, a socket, one server process."""

    name: ClassVar[str]
    title: ClassVar[str]
    programs: ClassVar[Sequence[str]]  # the names that its processes may have
    stop_signals: ClassVar[Sequence[tuple[signal.Signals, float]]]  # each with its time in seconds
    setup: ClassVar[int] = 0  # what its folder was set up with; one with less is set up again

    def __init__(self, data_dir: Path, start_timeout: float = 60.0) -> None:
        data_dir = data_dir.absolute()
        self.folder = data_dir / self.name
        self.log = data_dir / "logs" / f"{self.name}.log"
        self._state = data_dir / f"{self.name}.json"
        self._lock = FolderLock(data_dir / f"{self.name}.lock", f"The {self.title} of another process")
        self._start_timeout = start_timeout
        self._sockets: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        """Whether the server process that this object started is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def url(self) -> str:
        """Where the service answers, or answered last. Raises ServiceError when it never ran here."""
        state = self._ran()
        return self._url(Path(state["sockets"]), state["password"])

    def _ran(self) -> dict[str, Any]:
        """What was noted when it ran last. Raises ServiceError when it never ran here."""
        state: dict[str, Any] = read_private(self._state) or {}
        if "sockets" not in state:
            raise ServiceError(f"{self.title} never ran in {self.folder.parent}: start it with `consent up`")
        return state

    def start(self) -> str:
        """Start the server, wait until it answers a real connection, return its URL; or raise ServiceError.

        A running server is left alone; a dead one is started again in the same place.
        """
        if self.is_running:
            return self.url
        ready = False
        try:
            check_ours(self.folder.parent)
            self._lock.acquire()
            self._end_orphans()
            self._start()
            ready = True
            return self.url
        except (FolderInUseError, ForeignFolderError) as error:
            raise ServiceError(str(error)) from None
        except OSError as error:
            raise ServiceError(f"{self.title} can't start in {self.folder}: {error}") from error
        finally:
            if not ready:
                self.stop()

    def stop(self) -> None:
        """Stop the server in an orderly way, after 5 s by force. Stopping a stopped one does nothing."""
        if self._process is not None:
            for sign, seconds in (*self.stop_signals, (signal.SIGKILL, 1.0)):
                self._process.send_signal(sign)  # sends nothing to a process that has ended
                try:
                    self._process.wait(seconds)
                    break
                except subprocess.TimeoutExpired:
                    continue
            self._process = None
        if self._sockets is not None:
            leave(self._sockets, self.folder.parent)
            self._sockets = None
        self._lock.release()

    def _start(self) -> None:
        state = read_private(self._state) or {}
        password = state.get("password") or secrets.token_hex(24)
        self._prepare(password, is_outdated="password" not in state or state.get("setup", 0) < self.setup)
        self._sockets = sockets = socket_folder(self.folder.parent, state.get("sockets"))
        trim_log(self.log)
        log_start = self.log.stat().st_size if self.log.exists() else 0
        self._process = self._launch(sockets, password)
        self._await_answer(self._process, sockets, password, log_start)
        write_private(self._state, {"sockets": str(sockets), "password": password, "setup": self.setup})

    def _await_answer(self, process: subprocess.Popen[bytes], sockets: Path, password: str, log_start: int) -> None:
        deadline = time.monotonic() + self._start_timeout
        while time.monotonic() < deadline:
            time.sleep(0.02)
            if process.poll() is not None:
                said = self._last_words(log_start)
                raise ServiceError(f"{self.title} ended as it started: {said} (more in {self.log})")
            if self._answers(sockets, password):
                return
        said = f"{self.title} did not answer within {self._start_timeout:g} s: {self._last_words(log_start)}"
        raise ServiceError(f"{said} (more in {self.log}); trying again is safe")

    def _last_words(self, log_start: int) -> str:
        with self.log.open("rb") as file:
            file.seek(log_start)
            lines = file.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
        telling = (line for line in lines if re.search(r"FATAL|ERROR|[Ee]rror|denied|can't", line))
        return next(telling, lines[-1])

    def _at_work(self) -> list[psutil.Process]:
        """The server processes on this folder, also those that another process started."""
        tag, seen = self._tag, psutil.process_iter(["name"])
        return [p for p in seen if p.info["name"] in self.programs and tag in _title(p)]

    @property
    def _tag(self) -> str:
        # It is in the title of each of its processes. In a container root can read little else of them.
        folder = self.folder.parent.stat()
        return f"consent-{folder.st_dev:x}-{folder.st_ino:x}"

    @abstractmethod
    def _end_orphans(self) -> None: ...

    @abstractmethod
    def _prepare(self, password: str, is_outdated: bool) -> None: ...

    @abstractmethod
    def _launch(self, sockets: Path, password: str) -> subprocess.Popen[bytes]: ...

    @abstractmethod
    def _answers(self, sockets: Path, password: str) -> bool: ...

    @abstractmethod
    def _url(self, sockets: Path, password: str) -> str: ...


def _title(process: psutil.Process) -> str:
    """Its command line, or what it shows instead; empty where it has ended."""
    try:
        return " ".join(part for part in process.cmdline() if part)  # PostgreSQL leaves a thousand empty ones
    except psutil.Error:
        return ""


def free_port(preferred: int | None = None) -> int:
    """This TCP port of the loopback, or another where it is taken. Raises ServiceError where none is free."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
            try:
                probe.bind((HOST, port or 0))
                return int(probe.getsockname()[1])
            except OSError:
                continue
    raise ServiceError(f"no TCP port is free on {HOST}: end some of the programs that listen there")


def clean_env() -> dict[str, str]:
    """The part of our environment that a server needs, without secrets and PG* settings."""
    kept = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH") if key in os.environ}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def wheel_program(package: str, *path: str) -> Path:
    """A program in a wheel. Raises ServiceError."""
    spec = importlib.util.find_spec(package)
    program = Path(*(spec.submodule_search_locations or () if spec else ()), *path)
    if spec is None or not program.exists():
        own = "or set CONSENT_DATABASE_URL and CONSENT_REDIS_URL to servers of your own"
        raise ServiceError(f"{path[-1]} is not in the Python package {package}: run `make setup`, {own}")
    return program
