"""`make quick`: the unit and contract tests in two processes, each with its own half of the files.

pytest-xdist has every process collect everything, and tells of each test to another process by six messages: together
more than half of what a short test takes.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.reaper import reaping

ROOT = Path(__file__).parents[1]
ROOMS = ("tests/unit", "tests/contract")
PROCESSES = 2
NONE_SELECTED = 5
"""pytest's exit code where no test is left, as by -k: the other half may have it."""


def main(arguments: Sequence[str]) -> int:
    """Run both halves. One is shown as it goes, the other when it has ended. Returns pytest's exit code."""
    begun = time.monotonic()
    with TemporaryDirectory() as folder, reaping(Path(folder)), (Path(folder) / "second").open("w+b") as second:
        halves = [
            subprocess.Popen(command(share, arguments), cwd=ROOT, stdout=None if share == 1 else second)
            for share in range(1, PROCESSES + 1)
        ]
        codes = [half.wait() for half in halves]
        second.seek(0)
        sys.stdout.write(second.read().decode(errors="replace"))
    code = joined(codes)
    told = {0: "All passed", NONE_SELECTED: "No test was selected"}.get(code, "NOT all passed")
    sys.stdout.write(f"{told}, in {time.monotonic() - begun:.0f} s.\n")
    return code


def command(share: int, arguments: Sequence[str]) -> list[str]:
    """What runs one of the shares."""
    ours = ("-q", f"--share={share}/{PROCESSES}", "--few-examples", "-o", f"cache_dir=.pytest_cache/share{share}")
    return [sys.executable, "-m", "pytest", *ours, *ROOMS, *arguments]


def joined(codes: Sequence[int]) -> int:
    """The exit code of all: that of a half that failed; that nothing was selected only where no half has anything."""
    failed = [code for code in codes if code not in (0, NONE_SELECTED)]
    if failed:
        return failed[0]
    return 0 if 0 in codes else NONE_SELECTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
