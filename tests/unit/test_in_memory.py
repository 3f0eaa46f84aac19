"""Where the tests keep their files: in memory only where there is room, and where programs may be run from there."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.in_memory import LIMITS, NEEDED, folder_in_memory

Machine = Callable[..., Path]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The root of a machine of which this is told."""

    def made(
        *, kind: str = "tmpfs", free: int = NEEDED, available: int = NEEDED, flags: int = 0, **limits: str
    ) -> Path:
        files = SimpleNamespace(f_bavail=free // 4096 + 1, f_frsize=4096, f_flag=flags)
        monkeypatch.setattr(os, "statvfs", lambda _: files)
        told = {
            "proc/mounts": f"/dev/vda / ext4 rw 0 0\n{kind} /dev/shm {kind} rw,nosuid 0 0\n",
            "proc/meminfo": f"MemTotal: 9999999999 kB\nMemAvailable: {available // 1024 + 1} kB\n",
            **{name: limits[name.rpartition("/")[2].replace(".", "_")] for name in LIMITS if limits},
        }
        for name, text in told.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        (tmp_path / "dev/shm").mkdir(parents=True)
        return tmp_path

    return made


def test_files_are_in_memory_where_there_is_room(machine: Machine) -> None:
    root = machine(memory_max="max\n", memory_limit_in_bytes=f"{2**63 - 4096}\n")
    assert folder_in_memory(root) == root / "dev/shm"


@pytest.mark.parametrize(
    "short",
    [
        {"kind": "ext4"},
        {"free": NEEDED // 2},
        {"available": NEEDED // 2},
        {"flags": os.ST_NOEXEC},
        {"memory_max": str(NEEDED // 2), "memory_limit_in_bytes": str(2**60)},
        {"memory_max": "max", "memory_limit_in_bytes": str(NEEDED // 2)},
    ],
    ids="-".join,
)
def test_they_are_not_where_one_of_these_is_short(machine: Machine, short: dict[str, object]) -> None:
    assert folder_in_memory(machine(**short)) is None


def test_they_are_not_where_nothing_is_known(tmp_path: Path) -> None:
    assert folder_in_memory(tmp_path) is None
