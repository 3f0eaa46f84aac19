"""Where the tests keep their files: in memory where this machine has room for that, else where pytest keeps them.

A run makes and removes the folders of some sixty PostgreSQLs, a thousand files each. ext4 passes over what was removed
within the last minutes one by one for each new file: up to a third of the processor time of tests that start one.
"""

import os
from pathlib import Path

FOLDER = "dev/shm"
NEEDED = 3_000_000_000
"""Bytes. A whole run in three processes has used 1.1 GB at most."""
LIMITS = ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")
"""What a container may use, its files in memory included."""


def folder_in_memory(root: Path = Path("/")) -> Path | None:
    """A folder whose files are in memory; None where there is none that holds what a run needs and may run programs."""
    folder = root / FOLDER
    if not _is_in_memory(root):
        return None
    files = os.statvfs(folder)
    if files.f_flag & os.ST_NOEXEC or not os.access(folder, os.W_OK):
        return None
    return folder if min(files.f_bavail * files.f_frsize, _available(root), *_limits(root)) >= NEEDED else None


def _is_in_memory(root: Path) -> bool:
    mounts = root / "proc/mounts"
    told = mounts.read_text().splitlines() if mounts.exists() else []
    return [f"/{FOLDER}", "tmpfs"] in [line.split()[1:3] for line in told]


def _available(root: Path) -> int:
    for line in (root / "proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def _limits(root: Path) -> list[int]:
    told = [(root / name).read_text().strip() for name in LIMITS if (root / name).exists()]
    return [int(limit) for limit in told if limit != "max"]
