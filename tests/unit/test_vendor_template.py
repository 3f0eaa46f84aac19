"""`make vendor`: what it writes for which name, and what it refuses with nothing written."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docs" / "adding-a-vendor" / "write.py"


@pytest.fixture
def script() -> Any:
    spec = importlib.util.spec_from_file_location("write_a_vendor", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for folder in ("adapters/vendors", "adapters/cards", "sandbox/vendors", "tests/contract"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "adapters/registry.py").write_text((ROOT / "adapters/registry.py").read_text())
    return tmp_path


@pytest.mark.parametrize(
    ("name", "after", "class_name"),
    [
        ("aardvark", "from adapters.plug_ins", "Aardvark"),
        ("cobalt_2", '"b2core": B2core', "Cobalt2"),
        ("zendra", '"insider": Insider', "Zendra"),
        ("acme_mail", '"', "AcmeMail"),
    ],
)
def test_five_places_are_written_and_none_of_them_speaks_of_the_template(
    script: Any, tree: Path, name: str, after: str, class_name: str
) -> None:
    before = {path for path in tree.rglob("*") if path.is_file()}
    script.write(name, tree)
    made = {path for path in tree.rglob("*") if path.is_file()} - before
    assert {path.relative_to(tree).parts[0] for path in made} == {"adapters", "sandbox", "tests"}
    for path in made:
        assert name in str(path)
        assert name == "zendra" or "zendra" not in path.read_text().lower()
        if path.suffix == ".py":
            compile(path.read_text(), str(path), "exec")
    registry = (tree / "adapters/registry.py").read_text()
    assert f"from adapters.vendors.{name} import {class_name}\n" in registry
    entries = [line for line in registry.splitlines() if line.startswith('        "')]
    assert f'        "{name}": {class_name},' in entries
    assert entries == sorted(entries)
    assert after in registry.partition(f'        "{name}"')[0]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "NAME"),
        ("Zendra", "lower-case"),
        ("zen__dra", "single underscores"),
        ("zen-dra", "lower-case"),
        ("../x", "lower-case"),
        ("2zen", "lower-case"),
        ("class", "no word of Python"),
        ("none", "its class would be None"),
        ("warning", "its class would be Warning"),
        ("limits", "its class would be Limits"),
        ("manual", "a setting has this name.*NAME=manual_api"),
        ("forget_after_days", "a setting has this name"),
        ("copy", "a setting has this name"),
        ("a" * 25, "at most 24 letters"),
    ],
)
def test_a_name_that_will_not_do_is_refused_and_nothing_is_written(
    script: Any, tree: Path, name: str, says: str
) -> None:
    before = sorted(tree.rglob("*"))
    with pytest.raises(SystemExit, match=says):
        script.write(name, tree)
    assert sorted(tree.rglob("*")) == before


def test_what_is_recorded_names_the_header_that_the_adapter_sends(script: Any, tree: Path) -> None:
    """Also where the name has a line in it: the class's name has none."""
    script.write("acme_mail", tree)
    sent = set(re.findall(r'"(X-[^"]*)"', (tree / "adapters/vendors/acme_mail.py").read_text()))
    assert len(sent) == 1
    for recorded in (tree / "tests/contract/acme_mail").glob("*.json"):
        assert set(re.findall(r'"(X-[^"]*)"', recorded.read_text(), re.IGNORECASE)) == sent


def test_the_longest_name_keeps_the_lines_short(script: Any, tree: Path) -> None:
    for path in script.write("m" * script.LONGEST, tree):
        if path.endswith(".py"):
            assert max(map(len, (tree / path).read_text().splitlines())) <= 120, path


def test_a_module_of_the_tests_is_not_hidden_by_a_vendor(script: Any, tree: Path) -> None:
    (tree / "tests/contract/samples.py").touch()
    with pytest.raises(SystemExit, match=r"there is tests/contract/samples\.py already"):
        script.write("samples", tree)


def test_a_vendor_that_is_there_is_not_overwritten(script: Any, tree: Path) -> None:
    (tree / "sandbox/vendors/acme.py").write_text("mine")
    before = (tree / "adapters/registry.py").read_text()
    with pytest.raises(SystemExit, match=r"there is sandbox/vendors/acme\.py already"):
        script.write("acme", tree)
    assert (tree / "sandbox/vendors/acme.py").read_text() == "mine"
    assert (tree / "adapters/registry.py").read_text() == before
    assert not (tree / "adapters/vendors/acme.py").exists()
