"""JSON files that only their owner can read."""

import json
import os
from pathlib import Path
from typing import Any


def write_private(path: Path, content: object) -> None:
    """Replace a JSON file whole or not at all, readable by its owner only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)


def read_private(path: Path) -> Any:
    """What `write_private` wrote, or None where there is no readable file."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
