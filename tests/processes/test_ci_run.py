"""What CI runs, on a system that has next to nothing."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = {"id": "echo 1000", "dirname": f"echo {ROOT / '.ci'}", "apt-get": "echo installing; exit 100"}


@pytest.mark.parametrize("has_apt", [True, False])
def test_who_may_not_install_is_told_what_to_install(tmp_path: Path, has_apt: bool) -> None:
    for name, does in PROGRAMS.items():
        if has_apt or name != "apt-get":
            (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
            (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        ["/bin/bash", ROOT / ".ci/run"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("ci: needs make and python3 >= 3.11 with venv")
    assert done.stderr.endswith("apt-get install make python3 python3-venv\n") == has_apt
    assert not done.stdout
