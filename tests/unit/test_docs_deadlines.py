"""The table of due dates in docs/operations.md is the table in the code."""

import re
from pathlib import Path

from domain.deadlines import TERMS
from domain.regulations import Regulation
from domain.requests import Kind

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
ROW = re.compile(r"\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|")


def test_the_table_for_operators_is_the_one_that_counts() -> None:
    section = PAGE.read_text().partition("## Deadlines")[2].partition("\n## ")[0]
    told = {
        (Regulation(law), kind): (due, extension, source)
        for law, kinds, due, extension, source in ROW.findall(section)
        for kind in (Kind if kinds == "all" else map(Kind, re.findall(r"`(\w+)`", kinds)))
    }
    assert told == {
        (law, kind): (str(term.due), str(term.extension or "none"), term.source)
        for law, rows in TERMS.items()
        for kind, term in rows.items()
    }
    assert "not legal advice" in section
