"""A vendor of another package, installed: settings, queue, limits, page and tests are as for one of ours."""

import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import pytest

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "tests/contract"
AT_HOME = """\
from adapters.conformance import Conformance
from plain_mail.vendor import SAMPLE

class TestPlain(Conformance):
    sample = SAMPLE
"""
PAGE = """\
import runpy, sys
for call in ("adapters.card_tables plain", "config.env_example plain", "adapters.card_tables plane"):
    module, sys.argv[1] = call.split()
    runpy.run_module(module, run_name="__main__", alter_sys=True)
"""
LOOK = """\
from adapters.registry import ADAPTERS
from config.settings import Settings
from tasks.queues import queue_of

settings = Settings.load()
adapter = settings.adapters()["plain"]
print(type(adapter).__module__, list(ADAPTERS)[-1], settings.vendor(adapter.settings_model).requests_per_minute)
print(settings.threads(), queue_of("plain"), adapter.card.title)
print(*settings.adapters(), *settings.adapters()["plain@brand"].reach("erasure"))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder as pip leaves it behind, for the path."""
    home = tmp_path / "site"
    module, told = home / "plain_mail", home / "plain_mail-1.2.dist-info"
    copytree(CONTRACT / "plain_answers", module / "plain_answers")
    told.mkdir()
    (module / "__init__.py").touch()
    (module / "vendor.py").write_text((CONTRACT / "plain.py").read_text())
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: plain-mail\nVersion: 1.2\n")
    (told / "entry_points.txt").write_text("[consent_worker.vendors]\nplain = plain_mail.vendor:Plain\n")
    return home


def run(package: Path, *argv: str, cwd: Path = ROOT, **settings: str) -> "subprocess.CompletedProcess[str]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENT_")}
    path = os.pathsep.join([str(package), str(ROOT)])
    return subprocess.run(
        [sys.executable, *argv],
        env={**clean, "PYTHONPATH": path, **settings},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_it_is_switched_on_like_one_of_ours(package: Path) -> None:
    on = {"CONSENT_PLAIN__PASSWORD": "p", "CONSENT_PLAIN__REQUESTS_PER_MINUTE": "77"}
    on |= {"CONSENT_PLAIN__ACCOUNTS__BRAND__PASSWORD": "q"}
    done = run(package, "-c", LOOK, **on)
    assert done.returncode == 0, done.stderr
    where, queue, accounts = done.stdout.splitlines()
    assert where == "plain_mail.vendor plain 77"
    assert queue.endswith("consent.vendor.plain Plain Mail")
    assert accounts == "plain plain@brand user_id vendors.plain.address"


def test_it_has_a_page_and_settings_to_copy(package: Path) -> None:
    page = run(package, "-c", PAGE, "")
    assert "| plain | `user_id`, or `vendors.plain.address` where it differs | `address` | none |" in page.stdout
    assert (
        "| plain | the person is struck off | the person is struck off | not there: `not_applicable` |" in page.stdout
    )
    assert "CONSENT_PLAIN__PASSWORD=\n" in page.stdout
    assert page.returncode == 1
    assert "no such vendor: plane" in page.stderr


def test_its_author_runs_the_suite_at_home(package: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "test_plain.py").write_text(AT_HOME)
    passed = run(
        package, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", "test_plain.py", cwd=home
    )
    assert passed.returncode == 0, passed.stdout
    assert " passed" in passed.stdout


def test_a_name_that_is_taken_stops_the_start_in_one_sentence(package: Path) -> None:
    told = package / "plain_mail-1.2.dist-info" / "entry_points.txt"
    told.write_text("[consent_worker.vendors]\ninsider = plain_mail.vendor:Plain\n")
    refused = run(package, "-c", "from local.main import main; main()", "attention")
    assert refused.returncode == 2
    said = " ".join((refused.stdout + refused.stderr).split())
    assert "The vendor 'insider' of plain-mail 1.2 is refused: a vendor of this name is built in." in said
    assert "Traceback" not in said
