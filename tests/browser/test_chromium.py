"""Chromium for the tests of the console: found wherever it is, installed by root, and asked for in words otherwise."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser import chromium

Program = Callable[[str, str], None]
FAILS = "echo 'E: Unable to locate package chromium' >&2; exit 100"
INSTALLS = """echo "$DEBIAN_FRONTEND $*" >>"$(dirname "$0")/asked"
case "$*" in *install*) ln -s /bin/true "$(dirname "$0")/chromium";; esac"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Puts a program into a system that has nothing else."""
    for name in ("dirname", "ln"):
        (tmp_path / name).symlink_to(
            next(path for path in (Path("/bin", name), Path("/usr/bin", name)) if path.exists())
        )
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(chromium.SETTING, raising=False)
    monkeypatch.setattr(chromium, "DRIVER", ("/bin/sh", "-c", "exit 0"))

    def put(name: str, does: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)

    return put


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.mark.parametrize("name", chromium.NAMES)
def test_it_is_found_by_each_of_its_names(program: Program, tmp_path: Path, name: str) -> None:
    program(name, "exit 0")
    assert chromium.find_chromium() == str(tmp_path / name)
    assert chromium.install() == ""


def test_a_name_that_only_tells_how_to_install_it_is_none(program: Program, tmp_path: Path) -> None:
    program("chromium-browser", "echo requires the chromium snap to be installed; exit 1")
    assert chromium.find_chromium() is None
    program("google-chrome", "exit 0")
    assert chromium.find_chromium() == str(tmp_path / "google-chrome")


def test_one_that_is_named_is_taken_though_it_were_none(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a wrong name fails the tests, and never leaves them out."""
    program("chromium", "exit 0")
    monkeypatch.setenv(chromium.SETTING, "/no/such/browser")
    assert chromium.find_chromium() == "/no/such/browser"


@pytest.mark.usefixtures("as_root")
def test_root_installs_it_and_is_asked_nothing(program: Program, tmp_path: Path) -> None:
    program("apt-get", INSTALLS)
    assert chromium.install() == ""
    update, install = (tmp_path / "asked").read_text().splitlines()
    assert update.startswith("noninteractive ")
    assert update.endswith(" update")
    assert "--yes" in install
    assert install.endswith(" chromium libatomic1")
    assert chromium.install() == "", "and then it is there"
    assert len((tmp_path / "asked").read_text().splitlines()) == 2


NO_LIBRARY = ("/bin/sh", "-c", "echo 'node: libatomic.so.1: cannot open shared object file' >&2; exit 127")


@pytest.mark.usefixtures("as_root")
def test_root_installs_what_the_driver_needs_beside_a_browser_that_is_there(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("chromium", "exit 0")
    program("apt-get", 'echo "$*" >>"$(dirname "$0")/asked"')
    monkeypatch.setattr(chromium, "DRIVER", NO_LIBRARY)
    assert "still Playwright does not start (node: libatomic.so.1: cannot open" in chromium.install()
    assert (tmp_path / "asked").read_text().endswith(" chromium libatomic1\n")


def test_others_are_told_what_the_driver_needs(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    program("chromium", "exit 0")
    monkeypatch.setattr(chromium, "DRIVER", NO_LIBRARY)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "left out: Playwright does not start (node: libatomic.so.1: " in chromium.install()
    assert chromium.missing()


@pytest.mark.usefixtures("as_root")
def test_root_without_a_network_is_told_what_failed(program: Program) -> None:
    program("apt-get", FAILS)
    said = chromium.install()
    assert "left out" in said
    assert "Unable to locate package" in said
    assert "apt-get install" in said


@pytest.mark.usefixtures("program")
def test_others_are_told_the_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    said = chromium.install()
    assert "left out" in said
    assert said.endswith("apt-get install --no-install-recommends chromium libatomic1")


@pytest.mark.usefixtures("program", "as_root")
def test_a_system_without_apt_get_is_told_so() -> None:
    assert chromium.SETTING in chromium.install()
