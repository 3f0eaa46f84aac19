"""Where the embedded services answer: Unix sockets in a folder that only its owner can enter."""

import os
import re
import socket
import stat
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp

POSTGRES_PORT = 5432
"""A port of no network: PostgreSQL's clients derive the socket's name from it."""
_LONGEST_NAME = f".s.PGSQL.{POSTGRES_PORT}"
_PLAIN = re.compile(r"[\w./-]+", re.ASCII)
"""Characters that all readers of an address take literally: Flower unescapes nothing, and libpq splits at commas."""


def socket_folder(data_dir: Path, noted: str | None) -> Path:
    """A folder of ours for sockets, with mode 0700: in the data folder; or, where its path is too long for a socket or
    its file system has none, a folder of its own among the temporary ones. `noted`: last time's folder, so that a
    restarted service is found where it was. Raises OSError.

    Not XDG_RUNTIME_DIR: that is removed when its user logs out, and a stack may stay.
    """
    inside = data_dir / "run"
    if _made(inside) and _takes_sockets(inside):
        return inside
    if noted is not None and Path(noted) != inside and _made(Path(noted)) and _takes_sockets(Path(noted)):
        return Path(noted)
    # Its name is random, so nobody else can have made it.
    return Path(mkdtemp(prefix="consent-", dir=_temporary()))


def leave(folder: Path, data_dir: Path) -> None:
    """Remove a folder of sockets outside the data folder, once it is empty."""
    if folder.parent != data_dir:
        with suppress(OSError):
            folder.rmdir()


def _made(folder: Path) -> bool:
    """Whether the folder exists and is ours alone; makes it where it does not exist."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError:
        return False
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        return False
    folder.chmod(0o700)
    return True


def _takes_sockets(folder: Path) -> bool:
    if not _PLAIN.fullmatch(str(folder)):
        return False
    trial = folder / f"{_LONGEST_NAME}.{os.getpid()}"
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.bind(str(trial))
    except OSError:
        return False
    trial.unlink(missing_ok=True)
    return True


def _temporary() -> str:
    usual = gettempdir()
    return usual if _PLAIN.fullmatch(usual) and len(usual) < 60 else "/tmp"  # noqa: S108 - mkdtemp makes it private
