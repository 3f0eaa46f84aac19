"""The recipes for backups (docs/operations.md), as they stand there: without the table of data keys nobody can be read,
with it everybody. tests/ledger/restoring has the one of a physical backup."""

from pathlib import Path

from sqlalchemy import make_url

from ledger.desk.history import people_at
from ledger.desk.reports import status_of
from tests.ledger.conftest import Desk, people
from tests.ledger.test_volumes import database
from tests.recipes import recipes, run


def test_a_dump_without_data_keys_reads_nobody_and_the_keys_can_be_added(
    desk: Desk, postgres_url: str, tmp_path: Path
) -> None:
    public_id = desk.submit(people(2)).recorded.public_id
    url = make_url(postgres_url).set(drivername="postgresql")
    here, there = (one.render_as_string(hide_password=False) for one in (url, url.set(database="restored_here")))
    dump, restore, _ = recipes("operations.md", "Backups")
    *record, keys = restore.splitlines()
    run(dump, tmp_path, CONSENT_DATABASE_OWNER_URL=here)
    settings = {
        "CONSENT_DATABASE_OWNER_URL": there,
        "CONSENT_DATABASE_URL": there,
        "CONSENT_DATA_DIR": str(tmp_path / "data"),
    }
    with database(postgres_url, "restored_here", like="template0") as engine:
        run(record, tmp_path, **settings)
        with engine.connect() as connection:
            status = status_of(connection, public_id)
            assert status is not None
            assert (status.forgotten, status.subjects) == (True, 2)
            assert people_at(connection, desk.masters, public_id, [1, 2]) == {}
        run(keys, tmp_path, **settings)
        with engine.connect() as connection:
            assert len(people_at(connection, desk.masters, public_id, [1, 2])) == 2
