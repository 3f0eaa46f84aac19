"""A vendor is five places: the template's made-up vendor is added to a copy of the tree, nothing else changes, and
everything runs with six vendors."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

ROOT = Path(__file__).parents[2]
NAME = "zendra"
SEED = 9
PEOPLE = 110
pytestmark = pytest.mark.timeout(900)
PLACES = {
    f"adapters/vendors/{NAME}.py",
    f"adapters/cards/{NAME}.py",
    "adapters/registry.py",
    f"sandbox/vendors/{NAME}.py",
    f"tests/contract/{NAME}",
}
GENERATED = {".env.example", "README.md", "docs/vendors.md", "docs/gdpr.md", "docs/capacity.md"}
"""What `make pages` writes, but for the plots."""
LEFT_OUT = ignore_patterns(".*", "*.egg-info", "dist")
"""What is compiled is not: compiling all of it anew takes longer than the tests."""
ABOUT_VENDORS = (
    "tests/contract/test_cards.py",
    "tests/unit/adapters/test_adapters_destroying.py",
    "tests/unit/answers/test_catalogues.py",
    "tests/unit/test_env_example.py",
    "tests/unit/bench/test_bench_capacity.py",
    "tests/unit/config/test_config_settings.py",
    "tests/unit/intake/test_card_wording.py",
    "tests/unit/local/test_compare.py",
    "tests/unit/sandbox/test_sandbox_admin.py",
    "tests/unit/sandbox/test_sandbox_faults.py",
    "tests/unit/tasks/test_tasks_subjects.py",
    "tests/unit/test_vendor_template.py",
)
"""The unit tests that go through all vendors there are, or could."""
OF_NAMED_VENDORS = ("no_odd_body", "whatever_json")
"""Dear ones among them that name the vendors they try."""


def digests(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@dataclass
class Tree:
    """The copy, and a process that runs its programs in forks of itself."""

    folder: Path
    runner: subprocess.Popen[str]

    def run(self, *words: str) -> str:
        """What a module with these arguments said. Fails where it does."""
        log = self.folder.with_name("said.log")
        log.unlink(missing_ok=True)
        assert self.runner.stdin is not None
        assert self.runner.stdout is not None
        self.runner.stdin.write(f"{json.dumps([str(log), *words])}\n")
        self.runner.stdin.flush()
        code = self.runner.stdout.readline().strip()
        assert code == "0", f"{words[0]} ended with {code or 'its runner'}: {log.read_text()[-6000:]}"
        return log.read_text()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    """The copy, with the vendor in it and the generated pages renewed."""
    copy = tmp_path_factory.mktemp("six") / "tree"
    copytree(ROOT, copy, ignore=LEFT_OUT)
    (copy / ".env.example").write_bytes((ROOT / ".env.example").read_bytes())
    before = digests(copy)
    said = subprocess.run(
        [sys.executable, "docs/adding-a-vendor/write.py", NAME],
        env=environment_in(copy),
        cwd=copy,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    written = {path for path, digest in digests(copy).items() if before.get(path) != digest}
    assert {next((place for place in PLACES if path.startswith(place)), path) for path in written} == PLACES
    assert written <= set(said.split())
    with subprocess.Popen(
        [sys.executable, "-m", "tests.flows.run_forked"],
        env=environment_in(copy),
        cwd=copy,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as runner:
        six = Tree(copy, runner)
        try:
            six.run("tests.flows.generated_pages")
            changed = {path for path, digest in digests(copy).items() if before.get(path) != digest}
            assert changed - written <= GENERATED
            yield six
        finally:
            runner.terminate()


def environment_in(tree: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {**clean, "PYTHONPATH": str(tree), "TMPDIR": str(tree.parent)}


def test_it_keeps_to_the_suite_and_the_tests_about_vendors_pass(tree: Tree) -> None:
    suite = f"tests/contract/test_conformance.py::Test{NAME.title()}"
    others = " and ".join(f"not {name}" for name in OF_NAMED_VENDORS)
    said = tree.run("pytest", "-q", "-p", "no:cacheprovider", "--few-examples", "-k", others, suite, *ABOUT_VENDORS)
    assert " passed" in said
    assert "skipped" not in said


def test_its_style_is_that_of_the_house(tree: Tree) -> None:
    tree.run("ruff", "check", "--no-cache", *PLACES)
    tree.run("ruff", "format", "--check", "--no-cache", *PLACES)


def test_a_demonstration_has_six_vendors_that_agree_with_the_ledger(tree: Tree) -> None:
    said = tree.run("tests.flows.small_demo")
    assert "to 6 vendors" in said
    assert "240 deliveries compared with what the vendors hold: 0 disagree" in said
    assert f"{NAME} 40 of 40 settled" in said


def test_nothing_is_lost_whatever_dies(tree: Tree) -> None:
    """The chaos, at six vendors: it shows the same of the five."""
    terms = [f"--seed={SEED}", "--seconds=9", f"--people={PEOPLE}", "--settle=180"]
    said = tree.run("tests.chaos", *terms)
    compared = re.search(r"deliveries: ([\d,]+), disagreeing with the vendors: 0$", said, re.MULTILINE)
    assert compared is not None
    assert int(compared[1].replace(",", "")) > PEOPLE * 6
    assert f"'{NAME}': " in said
