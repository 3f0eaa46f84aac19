"""The PostgreSQL servers of the tests, and how a ledger there is emptied from test to test."""

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from fcntl import LOCK_EX, flock
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, text

from local.postgres import Postgres
from local.private_files import read_private, write_private

# Nobody cuts this machine's power to see what a test has left; tests of durability start servers of their own.
# What is deleted from test to test stays small, and statistics that come at their own time would make plans differ.
# The password is random, and each side would hash it 4,096 times at each of thousands of connections.
CARELESS = ("fsync=off", "full_page_writes=off", "autovacuum=off", "scram_iterations=1")


CLUSTERS = "CLUSTERS_OF_TEST_RUN"
"""Names the folder of the clusters that all processes of a run copy."""
DRAFTS = "DRAFTS_OF_TEST_RUN"
"""Names the folder where this process makes them: what works there ends with it, see tests/reaper.py."""


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of this name, made by the first process of the run that needs it; `make` is given an empty folder."""
    folder = _clusters() / name
    with folder.with_suffix(".lock").open("w") as lock:
        flock(lock, LOCK_EX)  # who comes second copies a whole one
        if not folder.exists():
            draft = Path(tempfile.mkdtemp(prefix="draft-", dir=os.environ.get(DRAFTS)))
            make(draft)
            draft.rename(folder)
    return folder


@cache
def _clusters() -> Path:
    if given := os.environ.get(CLUSTERS):
        return Path(given)
    folder = tempfile.mkdtemp(prefix="clusters-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _copy(cluster: Path, there: Path) -> None:
    # Whose the files are is kept, which shutil does not.
    subprocess.run(["cp", "-a", *cluster.iterdir(), str(there)], check=True)


class CopiedPostgres(Postgres):
    """One whose first start copies a cluster that the run has made once: `initdb` takes a second of processor."""

    def _run(self, folder: Path, program: str, *args: str, stdin: str = "") -> None:
        run = super()._run
        if program != "initdb":
            run(folder, program, *args, stdin=stdin)
            return

        def make(draft: Path) -> None:
            owner = folder.stat()
            os.chown(draft, owner.st_uid, owner.st_gid)
            run(draft, program, *args, stdin=stdin)

        _copy(made_once(f"cluster-{sha256(repr(args).encode()).hexdigest()[:12]}", make), folder)


class TestPostgres(CopiedPostgres):
    """One that does not wait for disks, and whose user may set triggers aside, with `grants` besides."""

    __test__ = False

    grants: Sequence[str] = ("GRANT SET ON PARAMETER session_replication_role TO consent",)

    def _prepare(self, *args: Any, **more: Any) -> None:
        super()._prepare(*args, **more)
        self._single_user(self.folder, self.grants)

    def _run(self, folder: Path, program: str, *args: str, stdin: str = "") -> None:
        careless = [f"--set={setting}" for setting in CARELESS] if program == "initdb" else []
        super()._run(folder, program, *args, *careless, stdin=stdin)


BLANK = "blank"
"""A database beside the ledger of the tests, with its tables and nothing in them, to copy."""


def prepare(data_dir: Path, kind: type[Postgres] = CopiedPostgres) -> None:
    """Copy a PostgreSQL with the ledger's tables into the data folder of a stack: its first start would make both, for
    three seconds of processor."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    _copy(made_once(f"prepared-{kind.__name__}", partial(_make_tables, kind)), data_dir)


def _make_tables(kind: type[Postgres], folder: Path) -> None:
    from ledger.session import connect, migrate

    with kind(folder) as server:
        engine = connect(server.url, pool_size=1)
        migrate(engine)
        engine.dispose()
        if issubclass(kind, TestPostgres):
            with psycopg.connect(server.url.replace("+psycopg", ""), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {BLANK} TEMPLATE consent STRATEGY FILE_COPY".encode())
    noted = read_private(folder / "postgres.json") or {}
    del noted["sockets"]  # another stack has its own
    write_private(folder / "postgres.json", noted)
    for made in {*folder.iterdir()} - {folder / "postgres", folder / "postgres.json"}:
        shutil.rmtree(made) if made.is_dir() else made.unlink()


class PreparedPostgres(Postgres):
    """One that has the ledger's tables before its first start."""

    def start(self) -> str:
        if not self.folder.exists():
            prepare(self.folder.parent)
        return super().start()


class RuledPostgres(TestPostgres):
    """One whose user may do everything, so that a test can do to it what its owner may."""

    grants = ("ALTER ROLE consent SUPERUSER",)


# Deleting a few rows costs a fiftieth of truncating thirty tables with their indexes. What was large is truncated, so
# that no table grows from test to test. Guards and foreign keys are triggers, which a replica does without.
EMPTY = text("""
DO $$
DECLARE
    of_tests record;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR of_tests IN
        SELECT CAST(oid AS regclass) AS name, pg_relation_size(oid) > 65536 AS large
        FROM pg_class
        WHERE relnamespace = CAST('public' AS regnamespace) AND relkind = 'r'
            AND relname NOT IN ('volumes', 'alembic_version') -- which migrations fill
            AND pg_relation_size(oid) > 0
    LOOP
        IF of_tests.large THEN
            EXECUTE format('TRUNCATE %s CASCADE', of_tests.name);
        ELSE
            EXECUTE format('DELETE FROM %s', of_tests.name);
        END IF;
    END LOOP;
    PERFORM setval(CAST(format('%I.%I', schemaname, sequencename) AS regclass), start_value, false)
    FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL;
    UPDATE volumes SET ended_at = NULL, dropped_at = NULL, filter = NULL, filter_blocks = NULL
    WHERE ended_at IS NOT NULL OR dropped_at IS NOT NULL OR filter IS NOT NULL;
END $$""")


def empty(connection: Connection) -> None:
    """Leave nothing in the ledger but its tables, though outcomes and the audit log are guarded."""
    connection.execute(EMPTY)
