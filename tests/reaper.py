"""Ends the processes that a test run left, however the run itself ended, and removes their databases:
`python -m tests.reaper MARK FOLDER`.

It waits for its input to end, as it does when the run is killed. A process is the run's if it has inherited MARK in its
environment, or works in FOLDER, which holds all of the run's files: servers inherit nothing.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

MARK = "STARTED_BY_TEST_RUN"
ROUNDS = 50
"""Each round ends what the processes of the round before have started meanwhile."""


@contextmanager
def reaping(folder: Path) -> Iterator[None]:
    """While this runs, and when it ends, whatever ends it, nothing that it started stays behind."""
    mark = token_hex(8)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.reaper", mark, str(folder)],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the run, not for it
    ) as reaper:
        os.environ[MARK] = mark
        try:
            yield
        finally:
            del os.environ[MARK]
            assert reaper.stdin is not None
            reaper.stdin.close()


def left(mark: str, folder: Path) -> "list[psutil.Process]":
    """The processes of this run that have not ended, without those that we run in."""
    import psutil

    above = {os.getpid(), *(each.pid for each in psutil.Process().parents())}
    return [each for each in psutil.process_iter() if each.pid not in above and _is_of(each, mark, folder)]


def _is_of(process: "psutil.Process", mark: str, folder: Path) -> bool:
    import psutil

    with suppress(psutil.Error, OSError):
        if process.environ().get(MARK) == mark:
            return True
    with suppress(psutil.Error, OSError):
        if any(f"{folder}/" in argument for argument in process.cmdline()):
            return True
    with suppress(psutil.Error, OSError):
        return Path(process.cwd()).is_relative_to(folder)
    return False


def main(mark: str, folder: Path) -> None:
    """Wait for the end of the run, and end what it has left. Its logs stay."""
    sys.stdin.read()
    end_all(mark, folder)
    # They may be in memory (tests/in_memory.py), and a run that failed or was cut removes nothing itself.
    for cluster in [found.parent for found in folder.rglob("PG_VERSION") if found.with_name("global").exists()]:
        shutil.rmtree(cluster, ignore_errors=True)


def end_all(mark: str, folder: Path) -> None:
    """End the processes of this run that have not ended."""
    import psutil

    for _ in range(ROUNDS):
        found = left(mark, folder)
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        if not found:
            return
        psutil.wait_procs(found, timeout=0.2)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
