"""Files of the data folder that hold one secret each, readable by its owner only."""

import os
from pathlib import Path


def keep(path: Path, fresh: str) -> None:
    """Store `fresh` in this file (mode 0600), unless it holds a secret already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with open(descriptor, "w") as file:
        file.write(fresh + "\n")
        file.flush()
        os.fsync(file.fileno())


def kept(path: Path) -> str:
    """The stored secret; empty where there is none."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""
