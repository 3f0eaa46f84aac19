"""Where the services of a stack are, and the keys."""

import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from config.settings import Settings
from config.stack import KEY_FILE, STACK_FILE, NoStackError, Stack, find_stack, keep_master_key, note_stack
from tests.table_rows import each_row

DATABASE, REDIS = "postgresql://u:topsecret@127.0.0.1/db", "redis://:topsecret@127.0.0.1/0"


def settings(data_dir: Path, **given: str) -> Settings:
    return Settings.model_construct(
        data_dir=data_dir,
        database_owner_url=given.get("database_owner_url"),
        database_url=given.get("database_url"),
        redis_url=given.get("redis_url"),
        master_keys=SecretStr(given["master_keys"]) if "master_keys" in given else None,
    )


def test_a_stack_of_the_environment(tmp_path: Path) -> None:
    found = find_stack(settings(tmp_path, database_url=DATABASE, redis_url=REDIS, master_keys="k"))
    assert found == Stack(DATABASE, REDIS, "k")
    assert list(tmp_path.iterdir()) == []


def test_a_stack_of_the_data_folder(tmp_path: Path) -> None:
    note_stack(tmp_path, database_url=DATABASE, redis_url=REDIS)
    keep_master_key(tmp_path, "k")
    assert find_stack(settings(tmp_path)) == Stack(DATABASE, REDIS, "k")


def test_the_environment_goes_before_the_data_folder(tmp_path: Path) -> None:
    note_stack(tmp_path, database_url=DATABASE, redis_url=REDIS)
    keep_master_key(tmp_path, "k")
    found = find_stack(settings(tmp_path, redis_url="redis://elsewhere", master_keys="mine"))
    assert found == Stack(DATABASE, "redis://elsewhere", "mine")


OWNER = "postgresql://owner:topsecret@127.0.0.1/db"


@each_row(
    ("noted", "given", "app", "owner"),
    [
        ({}, {"database_url": DATABASE}, DATABASE, DATABASE),
        ({}, {"database_url": DATABASE, "database_owner_url": OWNER}, DATABASE, OWNER),
        ({"database_owner_url": OWNER}, {}, "noted", OWNER),
        ({}, {}, "noted", "noted"),
        # What was noted is of another database.
        ({"database_owner_url": OWNER}, {"database_url": DATABASE}, DATABASE, DATABASE),
    ],
)
def test_who_migrates_may_be_another_user(
    tmp_path: Path, noted: dict[str, str], given: dict[str, str], app: str, owner: str
) -> None:
    note_stack(tmp_path, database_url="noted", redis_url=REDIS, **noted)
    here = settings(tmp_path, master_keys="k", **given)
    assert (find_stack(here).database_url, find_stack(here, as_owner=True).database_url) == (app, owner)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "CONSENT_DATABASE_URL, CONSENT_REDIS_URL, CONSENT_MASTER_KEYS"),
        ({"database_url": DATABASE}, "CONSENT_REDIS_URL, CONSENT_MASTER_KEYS"),
        ({"database_url": DATABASE, "redis_url": REDIS}, "CONSENT_MASTER_KEYS"),
    ],
)
def test_no_stack_is_told_with_what_is_missing(tmp_path: Path, given: dict[str, str], missing: str) -> None:
    with pytest.raises(NoStackError) as told:
        find_stack(settings(tmp_path / "none", **given))
    assert str(told.value) == f"no stack in {tmp_path / 'none'} (start one with `consent up`), and {missing} not set"


@pytest.mark.parametrize("damage", ["", "{", "topsecret", "\x00"])
def test_a_damaged_note_is_told_and_never_quoted(tmp_path: Path, damage: str) -> None:
    (tmp_path / STACK_FILE).write_text(damage)
    with pytest.raises(NoStackError, match="is damaged; `consent up` writes it anew") as told:
        find_stack(settings(tmp_path))
    assert "topsecret" not in str(told.value)
    assert told.value.__suppress_context__


@pytest.mark.parametrize("note", ["[]", "null", "{}", '{"database_url": ""}'])
def test_a_note_that_says_nothing(tmp_path: Path, note: str) -> None:
    (tmp_path / STACK_FILE).write_text(note)
    with pytest.raises(NoStackError, match="CONSENT_DATABASE_URL, CONSENT_REDIS_URL"):
        find_stack(settings(tmp_path))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_holds_secrets_is_for_its_owner_only(tmp_path: Path) -> None:
    note_stack(tmp_path, database_url=DATABASE, redis_url=REDIS)
    keep_master_key(tmp_path, "k")
    assert {path.name: mode(path) for path in tmp_path.iterdir()} == {STACK_FILE: 0o600, KEY_FILE: 0o600}


def test_a_note_is_replaced_whole_also_over_what_a_crash_left(tmp_path: Path) -> None:
    (tmp_path / f"{STACK_FILE}.partial").write_text("{")
    (tmp_path / STACK_FILE).touch(mode=0o644)
    note_stack(tmp_path, database_url=DATABASE, redis_url=REDIS)
    note_stack(tmp_path, database_url=DATABASE, redis_url="redis://new")
    assert find_stack(settings(tmp_path, master_keys="k")).redis_url == "redis://new"
    assert [path.name for path in tmp_path.iterdir()] == [STACK_FILE]
    assert mode(tmp_path / STACK_FILE) == 0o600


def test_a_master_key_is_never_overwritten(tmp_path: Path) -> None:
    keep_master_key(tmp_path, "first")
    keep_master_key(tmp_path, "second")
    assert (tmp_path / KEY_FILE).read_text() == "first\n"


def test_nothing_of_a_stack_is_shown(tmp_path: Path) -> None:
    found = Stack(DATABASE, REDIS, "topsecret")
    assert "topsecret" not in f"{found!r} {found}"
