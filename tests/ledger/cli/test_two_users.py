"""One user of PostgreSQL for migrations, and another one for everything else."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from config.settings import Settings
from config.signing import keep_signing_key
from ledger.delivery.vendors import announce
from ledger.sealing import generate_master_key
from ledger.session import connect
from tests.ledger.cli.test_commands import people, settle, submitted
from tests.ledger.command_line import consent
from tests.ledger.databases import database, execute

__all__ = ["people"]

NAME, USER = "two-users", "two_users"


@pytest.fixture
def owner(ruled_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty database, and the address of its owner."""
    with database(ruled_url, NAME) as url:
        monkeypatch.setenv("CONSENT_DATA_DIR", str(tmp_path))
        monkeypatch.setenv("CONSENT_REDIS_URL", redis_url)
        monkeypatch.setenv("CONSENT_MASTER_KEYS", generate_master_key())
        yield url
    execute(ruled_url, f"DROP ROLE IF EXISTS {USER}")


def test_they_are_separated_and_everything_says_so(
    owner: str, people: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONSENT_DATABASE_URL", owner)
    refused = consent("migrate", "--login")
    assert (refused.exit_code, "another user" in refused.stderr) == (2, True)
    assert consent("migrate").exit_code == 0
    assert "roles not separated" in consent("doctor").stdout

    monkeypatch.setenv("CONSENT_DATABASE_OWNER_URL", owner)
    app = make_url(owner).set(username=USER, password="p w%'").render_as_string(hide_password=False)
    monkeypatch.setenv("CONSENT_DATABASE_URL", app)
    for _ in range(2):
        migrated = consent("migrate", "--login")
        assert (migrated.exit_code, "p w" in migrated.output) == (0, False), migrated.output
    assert "roles separated" in consent("doctor").stdout

    engine = connect(app, pool_size=1)
    with engine.begin() as connection:
        announce(connection, {"insider": 1_000})
    request_id = submitted(people)
    settle(engine, request_id)
    keep_signing_key(Settings.load())
    certificate = tmp_path / "certificate"
    for url, says in ((app, "roles separated"), (owner, "roles not separated")):
        monkeypatch.setenv("CONSENT_DATABASE_URL", url)
        made = consent("certificate", request_id, "--out", str(certificate))
        assert made.exit_code == 0, made.output
        assert json.loads(base64.b64decode(json.loads(certificate.read_text())["payload"]))["database"] == says
    engine.dispose()
