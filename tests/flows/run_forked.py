"""Runs programs in forks of one process that has loaded all of ours: `python -m tests.flows.run_forked`.

Each line that comes in is a program: a JSON list of the file for what it says, its module, and its arguments. When it
has ended, its return code goes out. Programs of a copy of the tree load everything once instead of each for itself.
"""

import json
import os
import sys
from pathlib import Path

import hypothesis
import pytest

import bench.report
import tests.chaos.trial
import tests.preloaded
from local.processes import fork_off

__all__ = ["bench", "hypothesis", "pytest", "tests"]


def main() -> None:
    """Run them one after the other, until there is no more input."""
    for line in sys.stdin:
        log, *words = json.loads(line)
        code = fork_off([sys.executable, "-m", *words], os.environ, Path(log)).wait()
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
