"""A lock on a folder, held by one process at a time."""

import fcntl
import os
from pathlib import Path


class FolderInUseError(Exception):
    """Another process works on this folder; stop that one first, or choose another folder."""


class FolderLock:
    """An exclusive lock that the kernel drops when its holder dies. Children do not inherit it."""

    def __init__(self, path: Path, holder: str) -> None:
        self._path, self._holder, self._fd = path, holder, -1

    def acquire(self) -> None:
        """Take the lock, or raise FolderInUseError. Does nothing when this object holds it already."""
        if self._fd >= 0:
            return
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(fd, 20, 0).decode() or "unknown"
            os.close(fd)
            raise FolderInUseError(
                f"{self._holder} already runs on {self._path.parent} (process {pid}); "
                "stop it first, or set CONSENT_DATA_DIR to another folder"
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        self._fd = fd

    def release(self) -> None:
        """Release the lock. The file stays: if it were removed, two holders could lock two different files."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
