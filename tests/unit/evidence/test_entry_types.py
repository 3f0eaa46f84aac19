"""Every type of entry of the log is in docs/evidence.md, and it is decided what is done about it after a restore."""

import re
from pathlib import Path

from tasks.since import NOTHING_TO_DO

ROOT = Path(__file__).parents[3]
WRITTEN = re.compile(r"INSERT INTO log_pending \(type[^)]*\)\s*(?:VALUES\s*\(|SELECT\s+)'([a-z_.]+)'")
LOGGED = {name for path in (ROOT / "ledger").rglob("*.py") for name in WRITTEN.findall(path.read_text("utf-8"))}


def test_the_page_says_what_is_in_the_log() -> None:
    page = (ROOT / "docs/evidence.md").read_text("utf-8").partition("## What is in the log")[2].partition("\n## ")[0]
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| `")]
    assert sorted(name for row in rows for name in re.findall(r"`([a-z_.]+)`", row[1])) == sorted(LOGGED)


def test_of_the_others_a_person_is_told_after_a_restore() -> None:
    assert {"key", "master_key", "retention"} == LOGGED - NOTHING_TO_DO
    assert NOTHING_TO_DO <= LOGGED
