"""A vendor is five places: the template's made-up vendor is added to a copy of the tree, nothing else changes, and
everything runs with six vendors."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

ROOT = Path(__file__).parents[2]
NAME = "zendra"
PATIENCE_S = 600.0
"""For each program, on a busy machine."""
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
DEMO = """\
import sys
from rich.console import Console
from local.demo import demo
sys.exit(demo(Console(width=160), erase=40, stop=10))
"""
PAGES = """\
import json
from bench.report import FILE, pages
for path, text in pages(json.loads(FILE.read_text())).items():
    path.write_text(text)
"""


def digests(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def run(tree: Path, *argv: str) -> str:
    """A program in the copy; what it said. Fails where it does."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CONSENT_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, *argv],
        env={**clean, "PYTHONPATH": str(tree)},
        cwd=tree,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy, with the vendor in it and the generated pages renewed."""
    copy = tmp_path_factory.mktemp("six") / "tree"
    copytree(ROOT, copy, ignore=LEFT_OUT)
    (copy / ".env.example").write_bytes((ROOT / ".env.example").read_bytes())
    before = digests(copy)
    said = run(copy, "docs/adding-a-vendor/write.py", NAME)
    written = {path for path, digest in digests(copy).items() if before.get(path) != digest}
    assert {next((place for place in PLACES if path.startswith(place)), path) for path in written} == PLACES
    assert written <= set(said.split())
    run(copy, "-m", "adapters.card_tables")
    run(copy, "-m", "config.env_example")
    run(copy, "-c", PAGES)
    changed = {path for path, digest in digests(copy).items() if before.get(path) != digest}
    assert changed - written <= GENERATED
    return copy


def test_it_keeps_to_the_suite_and_the_tests_about_vendors_pass(tree: Path) -> None:
    suite = f"tests/contract/test_conformance.py::Test{NAME.title()}"
    said = run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--few-examples", suite, *ABOUT_VENDORS)
    assert " passed" in said
    assert "skipped" not in said


def test_its_style_is_that_of_the_house(tree: Path) -> None:
    run(tree, "-m", "ruff", "check", "--no-cache", *PLACES)
    run(tree, "-m", "ruff", "format", "--check", "--no-cache", *PLACES)


def test_a_demonstration_has_six_vendors_that_agree_with_the_ledger(tree: Path) -> None:
    said = run(tree, "-c", DEMO)
    assert "to 6 vendors" in said
    assert "240 deliveries compared with what the vendors hold: 0 disagree" in said
    assert f"{NAME} 40 of 40 settled" in said


def test_chaos_loses_nothing_at_six_vendors(tree: Path) -> None:
    terms = ["--seed=11", "--seconds=3", "--people=40", "--settle=180"]
    said = run(tree, "-m", "tests.chaos", *terms)
    assert "disagreeing with the vendors: 0" in said
    assert f"'{NAME}': " in said
