"""A physical backup of the ledger is restored: nothing is sent, nothing that was forgotten comes back, and what was
done since is told. The copy of the log beside the database says what that was."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic_core import from_json
from sqlalchemy import Engine, make_url

from domain.requests import Kind
from evidence.keys import SigningKey
from ledger import due
from ledger.delivery import vendors
from ledger.delivery.restored import RestoredError
from ledger.evidence.checking import begins_with, check_log
from ledger.evidence.row_checks import check_rows
from ledger.evidence.tree_checks import check_trees
from ledger.fitness import check_fitness
from ledger.keys import fingerprinter
from ledger.master_keys import wrapped_by_each
from ledger.sealing import MasterKeys, UnsealError, generate_master_key
from ledger.session import connect, migrate
from tasks import log_folder, restored
from tasks.attend import Desk as Attending
from tasks.log import LogKeeper, keep_log
from tasks.log_copy import LogCopy, LogSize
from tasks.restored import NotRestoredError, Report
from tasks.rotate import rotate
from tasks.since import Again
from tests.ledger.conftest import APPLIED, Desk, everybody, people
from tests.recipes import recipes, run
from tests.services import TestPostgres

KEY = SigningKey(b"k" * 32)
WHY = "the disk broke"
OLD, NEW = generate_master_key(), generate_master_key()
BOTH, TODAY = MasterKeys.parse(f"{NEW},{OLD}"), MasterKeys.parse(NEW)


class BackedUpPostgres(TestPostgres):
    """One whose user may make physical backups."""

    grants = (*TestPostgres.grants, "ALTER ROLE consent REPLICATION")

    def _prepare(self, *args: Any, **more: Any) -> None:
        super()._prepare(*args, **more)
        with (self.folder / "pg_hba.conf").open("a") as logins:
            logins.write("local replication consent scram-sha-256\n")


@dataclass
class Site:
    """A ledger on a server of its own, and the copy of its log beside it."""

    folder: Path
    masters: MasterKeys
    loop: Any
    copy: LogCopy
    server: BackedUpPostgres
    engine: Engine
    ids: dict[str, UUID] = field(default_factory=dict)

    @property
    def desk(self) -> Desk:
        return Desk(self.engine, self.masters, self.loop)

    def submit(self, name: str, vendor: str = "insider", kind: Kind = Kind.ERASURE) -> None:
        """A request of two people that nobody else has."""
        first = 2 * len(self.ids)
        self.ids[name] = self.desk.submit(people(first + 2)[first:], kind=kind, vendors=[vendor]).recorded.public_id

    def keep_log(self) -> None:
        keep_log(LogKeeper(self.engine, self.masters, lambda: KEY, copy=self.copy))

    def stop(self) -> None:
        self.engine.dispose()
        self.server.stop()

    def start(self) -> None:
        self.server.start()
        self.engine = connect(self.server.url)

    def back_up(self) -> None:
        """By the recipe of docs/operations.md, beside whatever goes on."""
        *_, base_backup = recipes("operations.md", "Backups")
        url = make_url(self.server.url).set(drivername="postgresql")
        run(base_backup, self.folder, BACKUP_URL=url.render_as_string(hide_password=False))

    def restore(self) -> None:
        self.stop()
        whose = "{0.st_uid}:{0.st_gid}".format(self.server.folder.stat())
        shutil.rmtree(self.server.folder)
        shutil.copytree(self.folder / "base", self.server.folder)
        subprocess.run(["chown", "-R", whose, str(self.server.folder)], check=True)
        self.start()

    def at_desk(self) -> Attending:
        return Attending(self.engine, "cli:ann", wake=lambda _: None)

    def status(self, name: str) -> str:
        return str(self.desk.one("SELECT status FROM requests WHERE public_id = :id", id=self.ids[name]))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, _loop: Any) -> Iterator[Site]:
    """A ledger that was restored from a backup, before anything was started with it."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "audit").mkdir()
    with BackedUpPostgres(folder) as server:
        kept = LogCopy(folder / "audit", lambda: [KEY.public])
        site = Site(folder, MasterKeys.parse(OLD), _loop, kept, server, connect(server.url))
        migrate(site.engine)
        before_the_backup(site)
        site.back_up()
        since_the_backup(site)
        site.restore()
        yield site
        site.engine.dispose()


def before_the_backup(site: Site) -> None:
    desk = site.desk
    desk.announce(insider=10, algonomy=10, dfinery=10)
    site.submit("forgotten")
    desk.work_off(desk.tools_for(everybody(APPLIED)))
    for name in ("closed", "closed and forgotten", "cancelled"):
        site.submit(name)
    site.submit("running", vendor="algonomy")
    site.submit("opt-in", vendor="algonomy", kind=Kind.OPT_IN)
    site.keep_log()


def since_the_backup(site: Site) -> None:
    desk, at_desk = site.desk, site.at_desk()
    at_desk.cancel(site.ids["cancelled"])
    desk.work_off(desk.tools_for(everybody(APPLIED)))
    for name in ("forgotten", "closed and forgotten"):
        assert at_desk.forget(site.ids[name], WHY, site.masters)
    site.submit("received")
    with site.engine.begin() as connection:
        assert vendors.hold(connection, "dfinery", "cli:ann")
    site.keep_log()
    assert rotate(site.engine, BOTH, "cli:ann", lambda _: None).settled  # and the old key is removed everywhere
    site.keep_log()


@pytest.fixture(scope="module")
def found(site: Site) -> Site:
    """A worker has started with it, beside keys that are newer than the record."""
    site.desk.execute("INSERT INTO data_keys (request_id, wrapped) SELECT max(id) + 1, 'x' FROM requests")
    assert restored.check_at_start(site.engine, site.copy) is not None
    return site


@pytest.fixture(scope="module")
def went_on(found: Site) -> tuple[Site, Report]:
    """A person has dealt with it."""
    return found, restored.go_on(found.engine, found.copy, "cli:ann", WHY)


def readable(site: Site, name: str) -> bool:
    """Whether the people of a request can be read."""
    (row,) = site.desk.rows(
        "SELECT wrapped FROM requests LEFT JOIN data_keys ON request_id = id WHERE public_id = :id", id=site.ids[name]
    )
    return row[0] is not None


def test_with_the_keys_of_today_nobody_in_the_backup_can_be_read(site: Site) -> None:
    with site.engine.connect() as connection:
        wrapped = {one.id: one.data_keys for one in wrapped_by_each(connection)}
        assert wrapped == {MasterKeys.parse(OLD).ids[0]: 6}, "of those before the backup, one of them forgotten since"
        with pytest.raises(UnsealError):
            fingerprinter(connection, TODAY)
    with pytest.raises(UnsealError):
        check_fitness(site.engine, TODAY)  # so no process starts
    desk = Desk(site.engine, TODAY, site.loop)
    with pytest.raises(UnsealError):
        desk.work_off(desk.tools_for(everybody(APPLIED)))
    assert desk.outcomes().keys() == {("insider", 1), ("insider", 2)}, "of before the backup"


def test_a_worker_that_went_on_through_it_notices_at_its_next_look(site: Site) -> None:
    watched = LogSize(site.engine, site.copy)
    with site.engine.connect() as connection:
        size = due.find(connection).log_size
    assert size > 0
    watched.see(size)
    watched.see(size + 10)
    assert site.desk.one("SELECT count(*) FROM restores") == 0, "a log grows"
    watched.see(size)
    assert site.desk.one("SELECT count(*) FROM restores WHERE lifted_at IS NULL") == 1


def test_at_start_every_vendor_is_held_and_nothing_is_sent(found: Site) -> None:
    desk = found.desk
    desk.announce(akinon=10)  # switched on meanwhile
    assert desk.rows("SELECT name, held_by, held_reason FROM vendors ORDER BY name") == [
        (name, "restored", "restored") for name in ("akinon", "algonomy", "dfinery", "insider")
    ]
    for vendor in ("insider", "algonomy"):
        assert desk.work_off(desk.tools_for(everybody(APPLIED), vendor=vendor)) == 0
    with pytest.raises(RestoredError, match="consent restored"), found.engine.begin() as connection:
        vendors.resume(connection, "insider")
    found.keep_log()
    assert desk.one("SELECT count(*) FROM restores") == 1, "it is noted once"


def test_at_start_what_was_forgotten_cannot_be_read_and_what_was_cancelled_is(found: Site) -> None:
    assert [readable(found, name) for name in ("forgotten", "closed and forgotten", "running")] == [False, False, True]
    assert [found.status(name) for name in ("cancelled", "closed and forgotten")] == ["cancelled"] * 2
    assert (
        found.desk.one(
            "SELECT count(*) FROM chunks JOIN requests ON requests.id = request_id "
            "WHERE public_id = :id AND state <> 'closed'",
            id=found.ids["closed and forgotten"],
        )
        == 0
    )


def test_a_key_without_its_request_is_nobodys_later(found: Site) -> None:
    assert found.desk.one("SELECT count(*) FROM data_keys WHERE request_id NOT IN (SELECT id FROM requests)") == 0


def test_the_report_names_what_was_lost_and_who_waits(went_on: tuple[Site, Report]) -> None:
    site, report = went_on
    ids = site.ids
    assert report.complete
    assert report.copy_entries > report.entries
    assert {one: (what.kind, what.people) for one, what in report.unknown.items()} == {ids["received"]: ("erasure", 2)}
    assert set(report.again[Again.ASK]) == {ids["closed"], ids["opt-in"]}
    assert report.again[Again.LEAVE] == [ids["running"]]
    assert set(report.again[Again.FORGET]) == {ids["forgotten"], ids["closed and forgotten"]}, "at start, and told"
    assert report.again[Again.CANCEL] == [ids["cancelled"]]
    assert report.status[ids["closed"]] == "completed"
    assert report.stopped == {"dfinery": "cli:ann"}
    assert {one.deed for one in report.deeds} == {"cancel", "forget"}


def test_afterwards_only_what_is_safe_goes_on(went_on: tuple[Site, Report]) -> None:
    site, report = went_on
    assert sorted(report.let_go) == ["akinon", "algonomy", "insider"]
    assert site.desk.one("SELECT held_by FROM vendors WHERE name = 'dfinery'") == "cli:ann"
    assert [site.status(name) for name in ("closed", "opt-in", "running")] == ["unconfirmed", "unconfirmed", "running"]
    with site.engine.connect() as connection:
        log = check_log(connection, [KEY.public])
        assert [*log.faults, *check_rows(connection), *check_trees(connection, None)] == []
    with pytest.raises(NotRestoredError):
        restored.go_on(site.engine, site.copy, "cli:ann", WHY)


def test_the_copy_of_before_is_kept_and_a_new_one_is_begun(went_on: tuple[Site, Report]) -> None:
    site, report = went_on
    site.keep_log()
    assert restored.check_at_start(site.engine, site.copy) is None
    old, new = sorted(site.copy.folder.iterdir(), key=lambda folder: len(folder.name), reverse=True)
    assert f".until-{report.copy_entries}-" in old.name
    assert log_folder.read(old, [KEY.public]).size == report.copy_entries
    with site.engine.connect() as connection:
        assert begins_with(connection, log_folder.read(new, [KEY.public]))
    types = [from_json(entry)["type"] for entry in log_folder.entries_of(new, log_folder.read(new, [KEY.public]).size)]
    assert types.count("restored") == 2, "found, and dealt with"
