"""docs/promises.md names tests that exist, and every promise has one."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/promises.md").read_text("utf-8")


def test_every_test_that_a_promise_points_to_exists() -> None:
    written = {
        name
        for path in (*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "adapters/conformance").rglob("*.py"))
        for name in re.findall(r"^\s*(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 50
    assert named - written == set()


def test_every_promise_is_attacked() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| promise")]
    assert len(rows) >= 18
    assert [row[:60] for row in rows if "`test_" not in row] == []
