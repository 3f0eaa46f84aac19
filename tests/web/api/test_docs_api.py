"""The examples of docs/api.md, run as they stand against a server."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.web.conftest import Rows

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text()
Key = Callable[..., dict[str, str]]


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_examples_do_what_they_say(url: str, key: Key, rows: Rows, tmp_path: Path) -> None:
    secret = key("operator")["Authorization"].removeprefix("Bearer ")
    environment = {**os.environ, "CONSENT_URL": url, "CONSENT_KEY": secret}

    def run(*argv: str) -> str:
        done = subprocess.run(
            argv, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    set_up, *curls = examples("sh")
    assert "consent keys create" in set_up
    submitted, uploaded, listed, found = (run("bash", "-euo", "pipefail", "-c", script) for script in curls)
    assert '"subjects":2' in submitted
    assert '"subjects":2' in uploaded
    assert listed.count('"line":') == 4  # two people at two vendors
    assert found.count('"request_id"') == 1
    (script,) = examples("python")
    assert run(sys.executable, "-c", script) == "running {'dfinery': {'pending': 1}, 'insider': {'pending': 1}}\n"
    assert rows("SELECT kind::text, subjects FROM requests ORDER BY id") == [
        ("erasure", 2),
        ("opt_out", 2),
        ("opt_out", 1),
    ]


def test_the_page_names_every_path_and_role() -> None:
    from intake.access.roles import Role
    from web.app import ROUTERS
    from web.console import routes

    for router in (one for one in ROUTERS if one not in routes.ROUTERS):
        for route in router.routes:
            last = str(getattr(route, "path", "")).rsplit("/", 1)[-1]
            assert last in PAGE or last in {"{request_id}"}, last
    for role in Role:
        assert f"| `{role}` |" in PAGE
