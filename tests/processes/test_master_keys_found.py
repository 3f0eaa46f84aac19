"""Where master keys come from, and what is said where they do not."""

import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from config import master_keys
from config.master_keys import KEY_FILE, are_given, find_master_keys
from config.settings import Settings, SettingsError
from config.stack import find_stack

SECRET = "topsecret"


def settings(tmp_path: Path, **given: Any) -> Settings:
    return Settings.model_construct(data_dir=tmp_path, **given)


def python(program: str) -> str:
    return f'{sys.executable} -c "{program}"'


def test_each_way_gives_the_keys_newest_first(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    for name, key in {"2026-01": "older\n", "2026-11": "newer\n", ".data": "no key"}.items():
        (folder / name).write_text(key)
    assert find_master_keys(settings(tmp_path, master_keys=SecretStr("k"))) == "k"
    assert find_master_keys(settings(tmp_path, master_keys_file=folder / "2026-01")) == "older"
    assert find_master_keys(settings(tmp_path, master_keys_folder=folder)) == "newer,older"
    asked = settings(tmp_path, master_keys_command=python("print('newer,older')"))
    assert find_master_keys(asked) == "newer,older"
    assert are_given(asked)
    (tmp_path / KEY_FILE).write_text("of the folder")
    assert find_master_keys(settings(tmp_path)) == "of the folder"
    assert not are_given(settings(tmp_path))


NOT_TO_BE_HAD: dict[str, tuple[dict[str, Any], str]] = {
    "a file that is not there": ({"master_keys_file": Path("/none/keys")}, "keys cannot be read"),
    "a folder that is not there": ({"master_keys_folder": Path("/none")}, "the folder cannot be read"),
    "an empty file": ({"master_keys_file": Path("/dev/null")}, "there is no key"),
    "no such command": ({"master_keys_command": "/none/age -d"}, "cannot be run: No such file"),
    "a quote that does not end": ({"master_keys_command": "age 'x"}, "is not a command"),
    "an empty command": ({"master_keys_command": " "}, "is not a command"),
    "a command that fails": (
        {"master_keys_command": python(f"import sys; print('{SECRET}'); sys.exit('{SECRET}')")},
        "ended with 1",
    ),
    "a command that says nothing": ({"master_keys_command": python("pass")}, "there is no key"),
    "two ways": ({"master_keys": SecretStr(SECRET), "master_keys_file": Path("x")}, "give one of them"),
}


@pytest.mark.parametrize("case", NOT_TO_BE_HAD)
def test_what_is_wrong_is_said_without_the_keys(tmp_path: Path, case: str) -> None:
    given, says = NOT_TO_BE_HAD[case]
    with pytest.raises(SettingsError, match=says) as told:
        find_master_keys(settings(tmp_path, **given))
    assert str(told.value).startswith("CONSENT_MASTER_KEYS")
    assert SECRET not in str(told.value)


def test_a_command_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(master_keys, "COMMAND_S", 0.2)
    with pytest.raises(SettingsError, match="has not answered"):
        find_master_keys(settings(tmp_path, master_keys_command=python("import time; time.sleep(60)")))


def test_who_needs_no_keys_does_not_ask_for_them(tmp_path: Path) -> None:
    here = settings(tmp_path, redis_url="redis://r", master_keys_command="/none/age")
    assert not find_stack(here, needed=("redis_url",)).master_keys
