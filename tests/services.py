"""The PostgreSQL servers of the tests, and how a ledger there is emptied from test to test."""

import atexit
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from threading import RLock
from typing import Any

from sqlalchemy import Connection, text

from local.postgres import Postgres
from local.private_files import read_private, write_private

# Nobody cuts this machine's power to see what a test has left; tests of durability start servers of their own.
# What is deleted from test to test stays small, and statistics that come at their own time would make plans differ.
# The password is random, and each side would hash it 4,096 times at each of thousands of connections.
CARELESS = ("fsync=off", "full_page_writes=off", "autovacuum=off", "scram_iterations=1")


_MAKING = RLock()


class CopiedPostgres(Postgres):
    """One whose first start copies a cluster that this process has made once: `initdb` takes a second of processor."""

    def _run(self, folder: Path, program: str, *args: str, stdin: str = "") -> None:
        if program != "initdb":
            super()._run(folder, program, *args, stdin=stdin)
            return
        with _MAKING:  # so that a process that comes second copies a whole cluster
            made = _folder_of(args)
            if not any(made.iterdir()):
                super()._run(folder, program, *args, stdin=stdin)
                _copy(folder, made)
                return
        _copy(made, folder)


@cache
def _folder_of(args: tuple[str, ...]) -> Path:
    """Where the cluster is that `initdb` made with these arguments; empty until it has."""
    folder = tempfile.mkdtemp(prefix="cluster-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _copy(cluster: Path, there: Path) -> None:
    # Whose the files are is kept, which shutil does not.
    subprocess.run(["cp", "-a", *cluster.iterdir(), str(there)], check=True)


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


def prepare(data_dir: Path) -> None:
    """Copy a PostgreSQL with the ledger's tables into the data folder of a stack: its first start would make both, for
    three seconds of processor."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _MAKING:
        _copy(_prepared(), data_dir)


@cache
def _prepared() -> Path:
    from ledger.session import connect, migrate

    folder = Path(tempfile.mkdtemp(prefix="prepared-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with CopiedPostgres(folder) as server:
        engine = connect(server.url, pool_size=1)
        migrate(engine)
        engine.dispose()
    noted = read_private(folder / "postgres.json") or {}
    del noted["sockets"]  # another stack has its own
    write_private(folder / "postgres.json", noted)
    for made in {*folder.iterdir()} - {folder / "postgres", folder / "postgres.json"}:
        shutil.rmtree(made) if made.is_dir() else made.unlink()
    return folder


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
