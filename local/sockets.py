"""Where the embedded services answer: unix sockets in a folder that none but its owner can enter."""

import os
import re
import socket
import stat
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp

POSTGRES_PORT = 5432
"""Of no network; PostgreSQL's clients find its socket by it."""
_LONGEST_NAME = f".s.PGSQL.{POSTGRES_PORT}"
_PLAIN = re.compile(r"[\w./-]+", re.ASCII)
"""What stands in an address as it is, for all of its readers: Flower undoes no escapes, and libpq splits at commas."""


def socket_folder(data_dir: Path, noted: str | None) -> Path:
    """A folder of ours for sockets, with mode 0700: in the data folder; or, where that has a path that no socket can
    have or lies on a file system without sockets, a folder of its own among the temporary ones. `noted`: the one of
    last time, so that a service that is started again is found where it was. Raises OSError.

    Not XDG_RUNTIME_DIR: it goes when its user logs out, and a stack may stay.
    """
    inside = data_dir / "run"
    if _made(inside) and _takes_sockets(inside):
        return inside
    if noted is not None and Path(noted) != inside and _made(Path(noted)) and _takes_sockets(Path(noted)):
        return Path(noted)
    # Its name cannot be foretold, so nobody else can have made it.
    return Path(mkdtemp(prefix="consent-", dir=_temporary()))


def leave(folder: Path, data_dir: Path) -> None:
    """Remove a folder of sockets outside the data folder, once nothing is in it."""
    if folder.parent != data_dir:
        with suppress(OSError):
            folder.rmdir()


def _made(folder: Path) -> bool:
    """Whether the folder is there, and ours alone; made where nothing is."""
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
