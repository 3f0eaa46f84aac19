"""What was not written here is pinned: its version, its licence, and its very bytes."""

import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CONSOLE = ROOT / "web" / "console"
FOLDERS = (CONSOLE / "vendored", ROOT / "tests" / "browser" / "vendored")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_every_vendored_file_is_what_its_manifest_says(folder: Path) -> None:
    packages = json.loads((folder / "manifest.json").read_text())
    known = {"manifest.json"}
    for package in packages:
        assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"])
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package["integrity"])
        assert package["source"].endswith(f"/{package['name']}-{package['version']}.tgz")
        assert package["license"]
        assert (folder / package["license_file"]).stat().st_size > 100
        known.add(package["license_file"])
        for name, file in package["files"].items():
            assert sha256((folder / name).read_bytes()).hexdigest() == file["sha256"], name
            known.add(name)
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == known


def test_every_vendored_icon_is_used_and_every_used_one_is_there() -> None:
    """A page asks for an icon by its name alone; one that nobody asks for is left out."""
    written = [*CONSOLE.glob("templates/*.html"), *CONSOLE.glob("*.py")]
    words = {word for path in written for word in re.findall(r'"([a-z][a-z-]*)"', path.read_text())}
    icons = {path.stem for path in (CONSOLE / "vendored" / "lucide").iterdir()}
    assert icons <= words
    asked = {name for path in written for name in re.findall(r'\bicon\("([a-z-]+)"\)', path.read_text())}
    assert asked <= icons
