"""The examples of docs/api.md, run as they stand against a server."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from adapters.standard_webhooks import sign
from tests.web.conftest import Rows

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text()
Key = Callable[..., dict[str, str]]


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


STAND_IN = Path(__file__).with_name("curl.py")
CURLS = {"stand-in": [sys.executable, str(STAND_IN)], "curl": [found] if (found := shutil.which("curl")) else []}
"""By name how to call it. The stand-in is tried everywhere, and the system's where it has one."""


@pytest.mark.parametrize("curl", [name for name, words in CURLS.items() if words])
def test_the_examples_do_what_they_say(url: str, key: Key, rows: Rows, tmp_path: Path, curl: str) -> None:
    secret = key("operator")["Authorization"].removeprefix("Bearer ")
    program = tmp_path / "bin" / "curl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join(CURLS[curl])} "$@"\n')
    program.chmod(0o700)
    path = f"{program.parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "CONSENT_URL": url, "CONSENT_KEY": secret}

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
    script, waiting, _ = examples("python")
    assert run(sys.executable, "-c", script) == "running {'dfinery': {'pending': 1}, 'insider': {'pending': 1}}\n"
    assert rows("SELECT kind::text, subjects FROM requests ORDER BY id") == [
        ("erasure", 2),
        ("opt_out", 2),
        ("opt_out", 1),
    ]
    ended = f"""
{script}
api.post(f"/v1/requests/{{request_id}}/cancel").raise_for_status()
{waiting}
print(wait_for(request_id, 30)["status"])
try:
    wait_for(submit("opt_out", [{{"user_id": "u-10"}}]), 0.1)
except TimeoutError as error:
    print(error)
"""
    assert run(sys.executable, "-c", ended).splitlines()[1:] == ["cancelled", "it has not ended yet"]


SECRET = SecretStr(f"whsec_{b64encode(bytes(range(32))).decode()}")
OTHER = SecretStr(f"whsec_{b64encode(bytes(32)).decode()}")


def test_the_receiver_acts_once_on_what_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_WEBHOOK_SECRET", SECRET.get_secret_value())
    acted: list[str] = []
    page: dict[str, Any] = {"__name__": "receiver"}
    exec(compile(examples("python")[2], "docs/api.md", "exec"), page)  # noqa: S102 - the page's own example
    page["act"] = lambda event: acted.append(event["type"])
    server = page["serve"](0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url, now = f"http://127.0.0.1:{server.server_address[1]}", datetime.now(UTC)
        body = b'{"type":"request.completed","data":{"request_id":"r-1"}}'

        def told(message: str, secret: SecretStr) -> int:
            letter = sign(message, body, [secret], now)
            return httpx.post(url, content=letter.body, headers=letter.headers, timeout=30).status_code

        assert [told("msg_1", SECRET), told("msg_1", SECRET), told("msg_2", OTHER)] == [204, 204, 401]
        assert acted == ["request.completed"]
        assert httpx.post(url, content=body, timeout=30).status_code == 401
    finally:
        server.shutdown()
        server.server_close()


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
