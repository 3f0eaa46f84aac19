"""`make audit`: the locked dependencies that have a known weakness, by pip-audit.

Ends with 0 where every one was looked up and none is known, 1 where one is, 3 where not all could be looked up:
pip-audit itself calls it a success when the index that it asks knows none of them. Standard library alone, as it runs
in the environment of pip-audit.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

FINE, FOUND, NOT_LOOKED_UP = 0, 1, 3
NAMED = 10
"""Of those that were not looked up, so many are named."""
NO_ANSWER = (
    "The weaknesses could not be looked up. pip-audit asks https://pypi.org for them: is there a network, and does a "
    "proxy or mirror let its JSON pages through?"
)


def told(report: Mapping[str, Any]) -> tuple[int, list[str]]:
    """How to end, and what to say of a report of `pip-audit --format json`. A dependency of several lock files counts
    once."""
    known = {(one["name"], one.get("version", "")): one for one in report["dependencies"]}
    skipped = [name for (name, _), one in known.items() if "skip_reason" in one]
    lines = [
        f"{name} {version}: {weakness['id']}, mended in {', '.join(weakness['fix_versions']) or 'no version yet'}"
        for (name, version), one in known.items()
        for weakness in one.get("vulns", ())
    ]
    ending = FOUND if lines else FINE
    looked_up = len(known) - len(skipped)
    if skipped:
        ending = ending or NOT_LOOKED_UP
        more = f" and {len(skipped) - NAMED} more" if len(skipped) > NAMED else ""
        lines.append(f"Not looked up: {', '.join(sorted(skipped)[:NAMED])}{more}.")
        lines.append(NO_ANSWER)
    return ending, [*lines, f"{looked_up} of {len(known)} locked dependencies looked up."]


def main(locks: Sequence[str]) -> int:
    """Ask about these lock files, and say what was found. Returns how to end."""
    named = [part for lock in locks for part in ("--requirement", lock)]
    options = ("--disable-pip", "--require-hashes", "--format", "json", "--desc", "off", "--progress-spinner", "off")
    asked = subprocess.run(
        [sys.executable, "-m", "pip_audit", *options, *named], capture_output=True, text=True, check=False
    )
    try:
        report = json.loads(asked.stdout)
    except ValueError:
        ending, lines = NOT_LOOKED_UP, [NO_ANSWER, *asked.stderr.splitlines()[-1:]]
    else:
        ending, lines = told(report)
    (sys.stderr if ending else sys.stdout).writelines(f"{line}\n" for line in lines)
    return ending


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
