"""A bar on stderr while a large file is read, for people at a terminal."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, cast

from cli.terminal import console

LARGE_BYTES = 4_000_000


@contextmanager
def shown(file: IO[bytes]) -> Iterator[IO[bytes]]:
    """The same file; how much of it is read is shown, where it is large and somebody is there to see."""
    size = _size(file)
    if size < LARGE_BYTES or sys.stderr is None or not sys.stderr.isatty():
        yield file
        return
    from rich.progress import wrap_file  # noqa: PLC0415 - most files are small

    source = cast("BinaryIO", file)
    with wrap_file(source, size, description="reading", console=console(stderr=True), transient=True) as followed:
        yield followed


def _size(file: IO[bytes]) -> int:
    """Bytes of a file on disk; 0 of a pipe, of which nobody knows."""
    try:
        found = os.fstat(file.fileno())
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0
