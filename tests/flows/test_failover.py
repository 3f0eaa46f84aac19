"""A primary that is lost, and its standby promoted in its place: every process goes on, and nothing that was
acknowledged is lost."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url

from domain.requests import Kind
from intake.access.tokens import mint_key
from ledger.accounts import access
from ledger.delivery.vendors import announce
from ledger.sealing import MasterKeys, generate_master_key
from ledger.session import connect, migrate
from local.private_files import write_private
from tests.forked import forked_sandbox
from tests.ledger.between import link
from tests.ledger.databases import address, execute
from tests.ports import free_port
from tests.services import RuledPostgres
from tests.worker_host import Host

CONSENT = [sys.executable, "-m", "cli"]
SUBJECTS = [{"user_id": "u-1"}]


class Standby(RuledPostgres):
    """Follows another server, until it is promoted. The other one commits nothing that is not here too."""

    def __init__(self, data_dir: Path, primary: RuledPostgres) -> None:
        super().__init__(data_dir)
        self._primary = primary
        data_dir.mkdir(mode=0o700)
        write_private(self._state, {"password": make_url(primary.url).password})

    def _prepare(self, password: str, is_outdated: bool) -> None:
        login, hba = make_url(self._primary.url), self._primary.folder / "pg_hba.conf"
        hba.write_text(f"{hba.read_text()}local replication all scram-sha-256\n")
        execute(self._primary.url, "SELECT pg_reload_conf()")
        owner = self._primary.folder.stat()
        self.folder.mkdir(mode=0o700)
        os.chown(self.folder, owner.st_uid, owner.st_gid)
        where = f"host={login.query['host']} port={login.query['port']} user=consent password={password}"
        self._run(self.folder, "pg_basebackup", "--pgdata=.", "--write-recovery-conf", "--checkpoint=fast", "-d", where)

    def follow_closely(self) -> None:
        """From now on the primary waits for this server with every commit."""
        execute(self._primary.url, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")

    def promote(self) -> None:
        """Make this server the primary."""
        execute(self.url, "SELECT pg_promote()")

    @property
    def socket(self) -> str:
        """Where it answers."""
        where = make_url(self.url).query
        return f"{where['host']}/.s.PGSQL.{where['port']}"


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[RuledPostgres]:
    with RuledPostgres(tmp_path / "primary") as server:
        yield server


@pytest.fixture
def standby(tmp_path: Path, primary: RuledPostgres) -> Iterator[Standby]:
    with Standby(tmp_path / "standby", primary) as server:
        server.follow_closely()
        yield server


@pytest.mark.timeout(280)
def test_a_standby_takes_the_place_of_a_lost_primary(
    tmp_path: Path, primary: RuledPostgres, standby: Standby, redis_url: str
) -> None:
    keys, minted, port = generate_master_key(), mint_key(), free_port()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENT_")}
    with forked_sandbox(tmp_path, faults="none", seed=1) as vendors, link(primary.url) as between:
        at = address(primary.url, port=between.port)
        engine = connect(at)
        migrate(engine)
        with engine.begin() as connection:
            announce(connection, {"dfinery": 10})
            access.add_key(
                connection, prefix=minted.prefix, name="shop", role="submitter", digest=minted.digest, by="test", days=1
            )
        environment = {
            **clean,
            **{name: value for name, value in vendors.environment.items() if "DFINERY" in name},
            "CONSENT_DATA_DIR": str(tmp_path / "data"),
            "CONSENT_DATABASE_URL": at,
            "CONSENT_REDIS_URL": redis_url,
            "CONSENT_MASTER_KEYS": keys,
            "CONSENT_WEB_PORT": str(port),
        }
        host = Host(engine, MasterKeys.parse(keys), tmp_path, environment)
        try:
            host.start()
            host.start_too("web", [*CONSENT, "web", "--port", str(port)])
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:

                def post() -> int:
                    headers = {"Authorization": f"Bearer {minted.secret}"}
                    asked = {"kind": Kind.OPT_OUT, "vendors": ["dfinery"], "subjects": SUBJECTS}
                    try:
                        return client.post("/v1/requests", json=asked, headers=headers).status_code
                    except httpx.TransportError:
                        return 0  # it does not listen yet

                host.await_that(lambda: post() == 201)
                before = host.submit()
                primary.stop()
                assert post() == 503
                standby.promote()
                between.target = standby.socket
                host.await_that(lambda: post() == 201)
                host.await_that(lambda: client.get("/readyz").status_code == 200)
            engine.dispose()  # this process's own connections were the old primary's
            host.await_delivery(before)
            host.await_true("SELECT count(*) = 3 FROM requests WHERE status = 'completed'")
            asked = [*CONSENT, "status", str(before), "--json"]
            assert subprocess.run(asked, env=environment, capture_output=True, check=False).returncode == 0
        finally:
            host.stop()
            engine.dispose()
