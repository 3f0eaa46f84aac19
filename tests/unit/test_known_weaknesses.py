"""`make audit` says that all is well only where every dependency was looked up."""

from typing import Any

from tests.known_weaknesses import FINE, FOUND, NO_ANSWER, NOT_LOOKED_UP, told
from tests.table_rows import each_row

GOOD = {"name": "idna", "version": "3.20", "vulns": []}
BAD = {"name": "lxml", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1", "2.0"]}]}
UNMENDED = {"name": "six", "version": "1.0", "vulns": [{"id": "PYSEC-2", "fix_versions": []}]}
SKIPPED = {"name": "redis", "skip_reason": "Dependency not found on PyPI and could not be audited: redis (5.0)"}
ROWS = {
    "all well, in two lock files": ([GOOD, GOOD], FINE, ["1 of 1 locked dependencies looked up."]),
    "weak": (
        [GOOD, BAD, UNMENDED],
        FOUND,
        [
            "lxml 1.0: PYSEC-1, mended in 1.1, 2.0",
            "six 1.0: PYSEC-2, mended in no version yet",
            "3 of 3 locked dependencies looked up.",
        ],
    ),
    "nobody answers for them": (
        [SKIPPED],
        NOT_LOOKED_UP,
        ["Not looked up: redis.", NO_ANSWER, "0 of 1 locked dependencies looked up."],
    ),
    "weak, and not all were looked up": (
        [BAD, SKIPPED],
        FOUND,
        [
            "lxml 1.0: PYSEC-1, mended in 1.1, 2.0",
            "Not looked up: redis.",
            NO_ANSWER,
            "1 of 2 locked dependencies looked up.",
        ],
    ),
}


@each_row(("dependencies", "ending", "lines"), ROWS.values(), ids=list(ROWS))
def test_what_is_said_of_a_report(dependencies: list[Any], ending: int, lines: list[str]) -> None:
    assert told({"dependencies": dependencies}) == (ending, lines)
