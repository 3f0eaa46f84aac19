"""What the processes of a stack on one machine are given."""

from pathlib import Path

import pytest

from config.settings import Settings
from local.stack import _environment


@pytest.mark.parametrize("name", ["CONSENT_DATABASE_OWNER_URL", "consent_database_owner_url"])
def test_none_of_them_knows_who_migrates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    monkeypatch.setenv(name, "postgresql://owner:topsecret@db.example/consent")
    monkeypatch.setenv("CONSENT_DATABASE_URL", "postgresql://app:secret@db.example/consent")
    given = _environment(Settings(), tmp_path)
    assert "topsecret" not in str(given)
    assert given["CONSENT_DATABASE_URL"].startswith("postgresql://app")
