"""What was said of the columns of a file, kept by name for the next file from the same system."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from intake.files.hints import HintError, Hints

FOLDER = "column-maps"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def save(data_dir: Path, name: str, hints: Hints) -> None:
    """Keep the maps and ignored columns of these hints under this name, in place of others. Raises HintError."""
    path = _path(data_dir, name)
    try:
        for folder in (data_dir, path.parent):  # `parents` would make the data folder writable for a group
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = {"map": dict(hints.maps), "ignore": list(hints.ignored), "ignore_others": hints.others_ignored}
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(kept, ensure_ascii=False))
        partial.replace(path)
    except OSError as error:
        raise HintError(f"map-as: cannot be kept in {path.parent}: {error.strerror}") from None


class Kept(NamedTuple):
    """What was kept, as `read_hints` takes it."""

    maps: Sequence[str] = ()
    ignored: Sequence[str] = ()
    others_ignored: bool = False


def load(data_dir: Path, name: str) -> Kept:
    """What was kept. Raises HintError."""
    path = _path(data_dir, name)
    try:
        kept = json.loads(path.read_text())
        maps = [f"{header}={field}" for header, field in kept["map"].items()]
        return Kept(maps, list(kept["ignore"]), kept.get("ignore_others") is True)
    except FileNotFoundError:
        known = ", ".join(names(data_dir)) or "none yet"
        raise HintError(f"map-as: nothing is kept under this name: give --map too; known are {known}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise HintError(f"map-as: {path} cannot be read: give --map again, which writes it anew") from None


def names(data_dir: Path) -> list[str]:
    """The names under which something is kept."""
    return sorted(one.stem for one in (data_dir / FOLDER).glob("*.json") if NAME.fullmatch(one.stem))


def _path(data_dir: Path, name: str) -> Path:
    if not NAME.fullmatch(name):
        raise HintError("map-as: a name is up to 40 small letters, digits, - and _, as in crm")
    return data_dir / FOLDER / f"{name}.json"
