"""Whose data folder is used: ours alone."""

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from config.data_folder import ForeignFolderError, check_ours
from config.settings import Settings
from config.stack import NoStackError, find_stack, note_stack


@pytest.mark.parametrize("mode", [0o700, 0o500, 0o750, 0o755])
def test_a_folder_in_which_only_we_may_write_is_ours(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    check_ours(tmp_path)
    check_ours(tmp_path / "not there")


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o702, 0o1777, 0o2775])
def test_one_in_which_others_may_write_is_named_with_what_to_run(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(ForeignFolderError) as told:
        check_ours(tmp_path)
    assert f"{tmp_path} (mode {mode:04o})" in str(told.value)
    assert f"chmod 700 {tmp_path}" in str(told.value)


def test_one_of_somebody_else_is_named_with_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 4711)
    with pytest.raises(ForeignFolderError, match=rf"{tmp_path} belongs to .* chown -R \S+ {tmp_path}"):
        check_ours(tmp_path)


def test_no_stack_is_taken_from_a_folder_of_others(tmp_path: Path) -> None:
    note_stack(tmp_path, database_url="postgresql://u:topsecret@127.0.0.1/db", redis_url="redis://127.0.0.1/0")
    settings = Settings.model_construct(
        data_dir=tmp_path, database_url=None, redis_url=None, master_keys=SecretStr("k")
    )
    assert find_stack(settings).redis_url
    tmp_path.chmod(0o777)
    with pytest.raises(NoStackError, match="others may write") as told:
        find_stack(settings)
    assert "topsecret" not in str(told.value)
