"""The addresses of a stack's ledger and Redis, and its keys: from the environment, or else from the data folder."""

import json
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from config.data_folder import ForeignFolderError, check_ours
from config.master_keys import KEY_FILE, are_given, find_master_keys
from config.secret_files import keep, kept
from config.settings import Settings

STACK_FILE = "stack.json"
PRODUCER_KEY_FILE = "producer.key"


class NoStackError(Exception):
    """No stack can be found. The message names the folder or variable to look at."""


@dataclass(frozen=True)
class Stack:
    """The services of one stack. The repr shows nothing: the addresses contain passwords."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    master_keys: str = field(repr=False)
    producer_keys: str = field(default="", repr=False)
    """Empty: nobody can seal anything to this stack."""
    pooled: bool = False
    """Whether PostgreSQL is behind a pooler in transaction mode."""
    redis_ca: Path | None = None
    """The CA certificates to verify rediss:// with; None: the system's."""


EVERYTHING = ("database_url", "redis_url", "master_keys")


def find_stack(settings: Settings, needed: Collection[str] = EVERYTHING, *, as_owner: bool = False) -> Stack:
    """The stack of these settings, or the one that `consent up` recorded in the data folder. What is not `needed` stays
    empty where it is not set: Flower and beat need no keys, and get none. `as_owner`: its ledger as the user who
    migrates, where there is one apart.

    Raises NoStackError, also where the folder is not ours, and SettingsError where master keys cannot be had.
    """
    try:
        check_ours(settings.data_dir)
    except ForeignFolderError as error:
        raise NoStackError(str(error)) from None
    noted = _read_note(settings.data_dir)
    found = {
        "database_url": _database_url(settings, noted, as_owner=as_owner),
        "redis_url": settings.redis_url or noted.get("redis_url"),
        "master_keys": _master_keys(settings) if "master_keys" in needed or not are_given(settings) else "",
    }
    missing = [f"CONSENT_{name.upper()}" for name in found if name in needed and not found[name]]
    if missing:
        folder = settings.data_dir.absolute()
        raise NoStackError(f"no stack in {folder} (start one with `consent up`), and {', '.join(missing)} not set")
    if settings.producer_keys:
        found["producer_keys"] = settings.producer_keys.get_secret_value()
    else:
        found["producer_keys"] = _kept(settings.data_dir / PRODUCER_KEY_FILE)
    pooled = settings.database_pooler is not None
    noted_ca = Path(noted["redis_ca"]) if noted.get("redis_ca") and not settings.redis_url else None
    known = {name: value or "" for name, value in found.items()}
    return Stack(**known, pooled=pooled, redis_ca=settings.redis_ca or noted_ca)


def _database_url(settings: Settings, noted: Mapping[str, str], *, as_owner: bool) -> str | None:
    # The environment goes first with both: they are of one database.
    given = (settings.database_owner_url, settings.database_url)
    both = given if any(given) else (noted.get("database_owner_url"), noted.get("database_url"))
    return (both[0] if as_owner else None) or both[1]


def note_stack(
    data_dir: Path, *, database_url: str, redis_url: str, database_owner_url: str = "", redis_ca: Path | None = None
) -> None:
    """Record the addresses of a data folder's services, readable by its owner only."""
    partial = data_dir / f"{STACK_FILE}.partial"
    partial.unlink(missing_ok=True)
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        more = {"redis_ca": str(redis_ca.absolute())} if redis_ca is not None else {}
        if database_owner_url:
            more["database_owner_url"] = database_owner_url
        json.dump({"database_url": database_url, "redis_url": redis_url} | more, file)
    partial.replace(data_dir / STACK_FILE)


def keep_master_key(data_dir: Path, fresh: str) -> None:
    """Store `fresh` as the data folder's master key, readable by its owner only, unless it has one."""
    keep(data_dir / KEY_FILE, fresh)


def keep_producer_key(data_dir: Path, fresh: str) -> None:
    """The same for the key that opens what Celery producers seal."""
    keep(data_dir / PRODUCER_KEY_FILE, fresh)


def _read_note(data_dir: Path) -> dict[str, str]:
    try:
        noted = json.loads((data_dir / STACK_FILE).read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        raise NoStackError(f"{data_dir / STACK_FILE} is damaged; `consent up` writes it anew") from None
    except OSError as error:
        raise NoStackError(f"{data_dir / STACK_FILE} cannot be read: {error.strerror}") from None
    return noted if isinstance(noted, dict) else {}


def _master_keys(settings: Settings) -> str:
    return _or_no_stack(settings.data_dir / KEY_FILE, lambda: find_master_keys(settings))


def _kept(path: Path) -> str:
    return _or_no_stack(path, lambda: kept(path))


def _or_no_stack(path: Path, read: Callable[[], str]) -> str:
    try:
        return read()
    except OSError as error:
        raise NoStackError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:  # not UTF-8
        raise NoStackError(f"{path} is damaged: put back what it held, which opens all that is sealed") from None
