"""`make mutants`: break the rules of the house one by one, and see whether a test notices.

mutmut changes one expression at a time inside a function. A change that no test notices survives: either a test is
missing, or the code does not need what was changed. Tables outside functions and properties are not changed.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import chdir
from itertools import chain
from pathlib import Path

from mutmut.configuration import reset_config
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

ROOT = Path(__file__).parents[1]
WORK = ROOT / ".mutants/work"
ENOUGH = 0.9
"""The share of mutants that must be noticed."""

UNIT = "tests/unit"
DOMAIN = f"{UNIT}/domain/test_domain_"
CASES = ("-m", "not hypothesis")
"""Without the searches, which call these functions millions of times."""
IDENTIFIERS = (f"{DOMAIN}identifiers.py", *CASES)
PEOPLE = (f"{DOMAIN}subjects.py", *IDENTIFIERS)
TESTS: dict[str, tuple[str, ...]] = {
    "adapters/triage.py": (f"{UNIT}/adapters/test_adapters_triage.py",),
    "ledger/sealing.py": (f"{UNIT}/ledger/test_ledger_sealing.py",),
    "tasks/consequences.py": (f"{UNIT}/tasks/test_tasks_consequences.py", f"{UNIT}/tasks/test_tasks_judge.py"),
    "tasks/judge.py": (f"{UNIT}/tasks/test_tasks_judge.py", f"{UNIT}/tasks/test_tasks_jobs.py"),
    "domain/wish.py": (f"{DOMAIN}wishes.py",),
    "domain/wishes.py": (f"{DOMAIN}wishes.py",),
    "domain/accounts.py": (f"{DOMAIN}accounts.py",),
    "domain/allowances.py": (f"{DOMAIN}allowances.py",),
    "domain/blocks.py": (f"{DOMAIN}blocks.py",),
    "domain/chunking.py": (f"{DOMAIN}chunking.py",),
    "domain/crowds.py": (f"{DOMAIN}crowds.py",),
    "domain/damaged.py": IDENTIFIERS,
    "domain/deadlines.py": (f"{DOMAIN}deadlines.py",),
    "domain/directory.py": (f"{DOMAIN}directory.py",),
    "domain/emails.py": IDENTIFIERS,
    "domain/file_lines.py": (f"{DOMAIN}file_lines.py",),
    "domain/folding.py": (f"{DOMAIN}folding.py",),
    "domain/invisible.py": IDENTIFIERS,
    "domain/json_size.py": (f"{UNIT}/domain/test_json_size.py",),
    "domain/key_texts.py": (f"{DOMAIN}key_texts.py",),
    "domain/marked_pages.py": (f"{DOMAIN}marked_pages.py",),
    "domain/masking.py": (f"{DOMAIN}masking.py",),
    "domain/moments.py": (f"{UNIT}/domain/test_days.py", f"{DOMAIN}deadlines.py"),
    "domain/national_numbers.py": (f"{DOMAIN}national_numbers.py",),
    "domain/nobody.py": (f"{DOMAIN}nobody.py", *PEOPLE),
    "domain/noticed.py": (f"{DOMAIN}noticed.py",),
    "domain/opendsr.py": (f"{DOMAIN}opendsr.py",),
    "domain/other_identifiers.py": (f"{DOMAIN}other_identifiers.py",),
    "domain/persons.py": (f"{DOMAIN}persons.py",),
    "domain/phones.py": (f"{DOMAIN}phones.py",),
    "domain/plain.py": (f"{DOMAIN}plain.py",),
    "domain/reach.py": (f"{DOMAIN}reach.py",),
    "domain/requests.py": PEOPLE,
    "domain/retry.py": (f"{DOMAIN}retry.py",),
    "domain/signing.py": (f"{UNIT}/local/test_signing_pair.py",),
    "domain/twins.py": (f"{UNIT}/domain/test_json_size.py",),
    "domain/unexpected.py": (f"{DOMAIN}unexpected.py",),
}
"""Which tests are about a module, as arguments of pytest. Only these run against its mutants."""

STATES = ("killed", "timeout", "survived")
ROOMS = (
    "domain",
    "ledger",
    "adapters",
    "tasks",
    "worker",
    "intake",
    "answers",
    "web",
    "cli",
    "config",
    "sandbox",
    "local",
    "bench",
)
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


def unknown(asked: Iterable[str]) -> str | None:
    """What is wrong with the modules asked for, or with the table above; None where nothing is."""
    modules = (path for path in (ROOT / "domain").glob("*.py") if "def " in path.read_text())
    rules = {f"domain/{path.name}" for path in modules}
    if missing := sorted(rules - TESTS.keys()):
        return f"{missing[0]} has no tests in TESTS of tests/mutants.py: name them there"
    named = {path for path in chain(TESTS, *TESTS.values()) if path.endswith(".py")}
    if gone := sorted(path for path in named if not (ROOT / path).exists()):
        return f"{gone[0]} stands in TESTS of tests/mutants.py and is not there"
    if strange := sorted(set(asked) - TESTS.keys()):
        return f"{strange[0]} is none of the modules: {', '.join(TESTS)}"
    return None


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
