"""`make mutants`: break the rules of the house one by one, and see whether a test notices.

mutmut changes one expression at a time inside a function. A change that no test notices survives: either a test is
missing, or the code does not need what was changed. Tables outside functions and properties are not changed.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable
from contextlib import chdir
from pathlib import Path

from mutmut.configuration import reset_config
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

from tests.rules import ROOT, TESTS, unknown

WORK = ROOT / ".mutants/work"
ENOUGH = 0.9
"""The share of mutants that must be noticed."""

STATES = ("killed", "timeout", "survived")
ROOMS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["packages"]
SETTINGS = """
[tool.mutmut]
source_paths = {rooms}
only_mutate = ["{module}"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:unraisableexception", "-p", "{plugin}"]
pytest_add_cli_args_test_selection = {tests}
timeout_constant = 3.0
timeout_multiplier = 15.0
use_setproctitle = false
use_git_change_detection = false
"""


def main() -> int:
    """Break what was asked for, print a table, and return the exit code: 1 where too few changes were noticed."""
    parser = argparse.ArgumentParser(prog="make mutants")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="such as domain/wishes.py; default: all")
    parser.add_argument("--jobs", type=int, default=2, help="how many mutants are tested at once")
    asked = parser.parse_args()
    if problem := unknown(asked.modules):
        parser.error(problem)
    print(row("module", "mutants", *STATES, "%"), flush=True)
    found: Counter[str] = Counter()
    survivors: list[str] = []
    for module in asked.modules or TESTS:
        states = break_module(module, asked.jobs)
        counts = Counter(states.values())
        survivors += show(module, [name for name, state in states.items() if state == "survived"])
        found += counts
        print(figures(module, counts), flush=True)
    print(figures("all", found))
    print("", *survivors, sep="\n")
    return 0 if noticed(found) >= ENOUGH else 1


def break_module(module: str, jobs: int) -> dict[str, str]:
    """By mutant of one module, what became of it. Raises SystemExit where mutmut or a test of unbroken code fails."""
    work = _work_of(module)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for room in (*ROOMS, "tests"):
        (work / room).symlink_to(ROOT / room)
    settings = SETTINGS.format(
        rooms=json.dumps(ROOMS), module=module, tests=json.dumps(TESTS[module]), plugin="tests.mutants_plugin"
    )
    (work / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text() + settings)
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(jobs)]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    told = work / "mutants" / f"{module}.meta"
    if done.returncode or not told.exists():
        sys.exit(f"mutmut failed over {module}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    codes = json.loads(told.read_text())["exit_code_by_key"]
    return {name: _state(code) for name, code in codes.items()}


def show(module: str, mutants: Iterable[str]) -> list[str]:
    """The lines that these mutants change, each as it is and as the mutant has it."""
    lines = []
    with chdir(_work_of(module)):
        reset_config()
        for name in mutants:
            diff = get_diff_for_mutant(name, path=module).splitlines()[2:]
            lines += [name, *(line for line in diff if line.startswith(("-", "+")))]
    return lines


def _work_of(module: str) -> Path:
    return WORK / module.removesuffix(".py").replace("/", ".")


def _state(code: int | None) -> str:
    state = status_by_exit_code[code]
    return state if state in ("killed", "timeout") else "survived"


def noticed(counts: Counter[str]) -> float:
    """The share that was killed or hung."""
    return 1 - counts["survived"] / max(1, counts.total())


def figures(what: str, counts: Counter[str]) -> str:
    """One row of the table."""
    return row(what, counts.total(), *(counts[state] for state in STATES), f"{noticed(counts):.1%}")


def row(what: str, *cells: object) -> str:
    """One line, in columns."""
    return f"{what:<30}" + "".join(f"{cell!s:>10}" for cell in cells)


if __name__ == "__main__":
    sys.exit(main())
