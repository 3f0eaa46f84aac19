"""A worker that cannot work ends at its start, and says why in one sentence."""

import os
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from sqlalchemy import Engine, literal_column, select, table, text

from config.settings import Settings
from config.stack import find_stack
from ledger.keys import fingerprinter
from ledger.sealing import MasterKeys, generate_master_key
from ledger.session import connect, migrate
from tests.forked import start_forked
from tests.ledger.databases import address, database, execute
from worker.runtime import Runtime

KEYS = generate_master_key()
ROLE = NAME = "worker_user"


@pytest.fixture(scope="module")
def ledger(ruled_url: str) -> Iterator[str]:
    """A migrated ledger, sealed by KEYS, of a user who owns nothing."""
    with database(ruled_url, NAME, user=ROLE) as url:
        owner = connect(address(ruled_url, database=NAME), pool_size=2)
        migrate(owner)
        with owner.begin() as connection:
            fingerprinter(connection, MasterKeys.parse(KEYS))
            connection.execute(text(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE}"))
            connection.execute(text(f"GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {ROLE}"))
            connection.execute(text(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {ROLE}"))
        owner.dispose()
        yield url


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ledger: str, redis_url: str) -> ModuleType:
    for name in [name for name in os.environ if name.startswith("CONSENT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CONSENT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CONSENT_DATABASE_URL", ledger)
    monkeypatch.setenv("CONSENT_REDIS_URL", redis_url)
    monkeypatch.setenv("CONSENT_MASTER_KEYS", KEYS)
    module = import_module("worker.app")
    monkeypatch.setattr(module, "_runtime", None)
    return module


def starts(worker: ModuleType) -> str:
    """Why it does not; empty where it does."""
    threads, why = threading.active_count(), ""
    try:
        worker._open_runtime(SimpleNamespace(hostname="worker@test"))
    except SystemExit as ended:
        why = str(ended.code)
    else:
        worker.runtime().close()
    assert threading.active_count() == threads, "something of it is left"
    assert "\n" not in why
    return why


def test_a_worker_that_was_made_has_changed_nothing_until_it_is_announced(
    worker: ModuleType, monkeypatch: pytest.MonkeyPatch, ledger: str
) -> None:
    for name, value in INSIDER.items():
        monkeypatch.setenv(f"CONSENT_INSIDER__{name}", value)
    settings = Settings.load()
    engine = connect(ledger, pool_size=1)
    before = everything(engine)
    made = Runtime(settings, find_stack(settings), worker.app, "worker@made")
    try:
        assert everything(engine) == before
        made.announce()
        assert everything(engine) != before
    finally:
        made.close()
        engine.dispose()


def everything(engine: Engine) -> dict[str, list[str]]:
    """Every row of the ledger."""
    with engine.connect() as connection:
        names = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        rows = {name: connection.execute(select(literal_column("*")).select_from(table(name))) for name in names}
        return {name: sorted(map(repr, found)) for name, found in rows.items()}


INSIDER = {"BASE_URL": "http://127.0.0.1:1", "PARTNER_NAME": "shop", "REQUEST_TOKEN": "token"}
SETTINGS = {
    "no key": ({"CONSENT_MASTER_KEYS": "not-a-key"}, "CONSENT_MASTER_KEYS: master key 1"),
    "half a key": ({"CONSENT_MASTER_KEYS": f"{KEYS},{KEYS[:20]}"}, "CONSENT_MASTER_KEYS: master key 2"),
    "keys of another ledger": ({"CONSENT_MASTER_KEYS": generate_master_key()}, "not the keys of this ledger"),
    "nobody there": ({"CONSENT_DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x"}, "nobody answers"),
    "no address": ({"CONSENT_DATABASE_URL": "hunter2"}, "its address cannot be read"),
    "a setting that cannot be read": ({"CONSENT_LEASE_S": "long"}, "CONSENT_LEASE_S"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_cannot_work(worker: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    settings, why = SETTINGS[name]
    for variable, value in settings.items():
        monkeypatch.setenv(variable, value)
    told = starts(worker)
    assert why in told
    assert "hunter2" not in told
    assert KEYS[:20] not in told


SCHEMA = {
    "older": ("UPDATE alembic_version SET version_num = '0017'", "older than this program"),
    "newer": ("UPDATE alembic_version SET version_num = '9999'", "does not know its tables"),
    "another's": ("UPDATE alembic_version SET version_num = 'deadbeef'", "does not know its tables"),
    "newer, for newer programs": (
        "UPDATE alembic_version SET version_num = '9999'; "
        "COMMENT ON TABLE alembic_version IS 'revision 9999, for programs from 9998 on'",
        "does not know its tables",
    ),
    "none": ("DELETE FROM alembic_version", "no tables of ours"),
    "not there": ("ALTER TABLE alembic_version RENAME TO elsewhere", "no tables of ours"),
    "without a right to write": (f"REVOKE INSERT ON outcomes FROM {ROLE}", "outcomes"),
    "without a right to change": (f"REVOKE UPDATE ON chunks FROM {ROLE}", "chunks"),
    "without a right to read": (f"REVOKE SELECT ON requests FROM {ROLE}", "requests"),  # noqa: S608 - a role of ours
    "without a right to number": (f"REVOKE ALL ON SEQUENCE requests_id_seq FROM {ROLE}", "requests_id_seq"),
    "without a right to begin a volume": (
        f"REVOKE EXECUTE ON FUNCTION turn_over_volumes FROM {ROLE}",
        "turn_over_volumes",
    ),
    "read-only": (f"ALTER ROLE {ROLE} SET default_transaction_read_only = on", "read-only"),
}
AS_IT_WAS = """
ALTER TABLE IF EXISTS elsewhere RENAME TO alembic_version;
DELETE FROM alembic_version;
INSERT INTO alembic_version VALUES ('{revision}');
COMMENT ON TABLE alembic_version IS '{note}';
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {role};
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {role};
REVOKE {name}_app FROM {role};
ALTER ROLE {role} RESET default_transaction_read_only;
"""


@pytest.fixture
def owner(ruled_url: str, ledger: str) -> Iterator[str]:
    """The address of who owns the tables, which are put back afterwards."""
    url = address(ruled_url, database=NAME)
    engine = connect(url, pool_size=1)
    noted = "SELECT version_num, obj_description(to_regclass('alembic_version'), 'pg_class') FROM alembic_version"
    with engine.begin() as connection:
        revision, note = connection.execute(text(noted)).one()
    engine.dispose()
    yield url
    execute(url, AS_IT_WAS.format(revision=revision, note=note, role=ROLE, name=NAME))


@pytest.mark.parametrize("name", SCHEMA)
def test_a_ledger_on_which_it_cannot_work(worker: ModuleType, owner: str, name: str) -> None:
    change, why = SCHEMA[name]
    execute(owner, change)
    told = starts(worker)
    assert why in told
    if "GRANT" in told:
        execute(owner, told[told.index("GRANT") :])
        assert starts(worker) == ""


def test_a_newer_ledger_that_fits_is_worked_on(worker: ModuleType, owner: str) -> None:
    """The rolling update: what the newer program has noted lets this one start."""
    execute(
        owner,
        "UPDATE alembic_version SET version_num = '9999'",
        "COMMENT ON TABLE alembic_version IS 'revision 9999, for programs from 0037 on'",
    )
    assert starts(worker) == ""


def test_it_starts_where_nothing_is_wrong(worker: ModuleType, engine: Engine) -> None:
    assert starts(worker) == ""


@pytest.mark.parametrize("program", ["worker", "beat"])
def test_unreadable_settings_end_every_process_in_a_line(program: str, tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENT_")}
    given = {**clean, "CONSENT_DATA_DIR": str(tmp_path), "CONSENT_LEASE_S": "long"}
    log = tmp_path / "said.log"
    process = start_forked([sys.executable, "-m", "celery", "--app", "worker.app", program], given, log)
    try:
        ended = process.wait(120)
    finally:
        process.kill()
    said = log.read_text()
    assert ended == 1, said
    assert "CONSENT_LEASE_S" in said
    assert "Traceback" not in said
