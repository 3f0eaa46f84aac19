"""Flower has a password always, and names of its own."""

import stat
from pathlib import Path

import pytest

from config.flower import LOOPBACK, PASSWORD_FILE, FlowerError, basic_auth, hosts, prefix


def test_a_password_is_made_once_for_its_owners_eyes_only(tmp_path: Path) -> None:
    environ = {"CONSENT_DATA_DIR": str(tmp_path / "data")}
    user, _, password = basic_auth(environ).partition(":")
    assert user == "consent"
    assert len(password) >= 32
    assert basic_auth(environ) == f"consent:{password}"
    kept = tmp_path / "data" / PASSWORD_FILE
    assert kept.read_text().strip() == password
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    other = basic_auth({"CONSENT_DATA_DIR": str(tmp_path / "other")})
    assert other != f"consent:{password}"


def test_what_the_environment_says_is_taken(tmp_path: Path) -> None:
    environ = {"CONSENT_DATA_DIR": str(tmp_path), "CONSENT_FLOWER_BASIC_AUTH": "ops:a:b"}
    assert basic_auth(environ) == "ops:a:b"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", ["ops", "ops:", ":hush", ":"])
def test_what_is_no_user_and_password_is_refused_and_not_quoted(given: str) -> None:
    with pytest.raises(FlowerError) as refused:
        basic_auth({"CONSENT_FLOWER_BASIC_AUTH": given})
    assert str(refused.value) == "CONSENT_FLOWER_BASIC_AUTH: is not USER:PASSWORD"


def test_where_no_password_can_be_kept_the_variable_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(FlowerError, match="set CONSENT_FLOWER_BASIC_AUTH"):
        basic_auth({"CONSENT_DATA_DIR": str(tmp_path / "data")})


def test_names_and_prefix() -> None:
    assert hosts({}) == LOOPBACK
    assert hosts({"CONSENT_FLOWER_HOSTS": "Flower.Example, ops.example,"}) == LOOPBACK | {
        "flower.example",
        "ops.example",
    }
    assert prefix({"CONSENT_FLOWER_PREFIX": "/ops/flower/"}) == "ops/flower"
    assert prefix({}) == ""
