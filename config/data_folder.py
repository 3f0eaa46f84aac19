"""Whether a data folder is ours. It contains keys, and the addresses that passwords are sent to."""

import os
import pwd
from pathlib import Path

WRITABLE_BY_OTHERS = 0o022


class ForeignFolderError(Exception):
    """The data folder belongs to another user, or others may write to it. The message names it and what to run."""


def check_ours(folder: Path) -> None:
    """Raise ForeignFolderError where another user could have put something into this folder. A missing folder is
    accepted."""
    try:
        found = folder.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise ForeignFolderError(f"the data folder {folder} cannot be looked at: {error.strerror}") from None
    ours = os.geteuid()
    if found.st_uid != ours:
        raise ForeignFolderError(
            f"the data folder {folder} belongs to {_account(found.st_uid)} and this program runs as {_account(ours)}, "
            f"so it is not used: run it as its owner, or: chown -R {_account(ours)} {folder}"
        )
    if found.st_mode & WRITABLE_BY_OTHERS:
        raise ForeignFolderError(
            f"others may write in the data folder {folder} (mode {found.st_mode & 0o7777:04o}), so it is not used: "
            f"see that nobody has changed it, and: chmod 700 {folder}"
        )


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
