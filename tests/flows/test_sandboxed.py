"""`consent up --sandbox` needs no setting, and what it says to try works; its processes share what they load."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.flows.conftest import CONSENT, Stack

LARGEST_SHARE = 0.5
"""Of what its processes would hold if they shared nothing. How many MB that is, bench says: machines differ."""
PROXY = "http://shop:real-4711@proxy.example:3128"


@pytest.fixture
def sandboxed(tmp_path: Path) -> Iterator[Stack]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENT_")}
    folder = tmp_path / "data"
    stack = Stack({**clean, "CONSENT_DATA_DIR": str(folder), "CONSENT_EGRESS_PROXY": PROXY}, tmp_path, forked=False)
    stack.up("--sandbox")
    yield stack
    if stack.process is not None and stack.process.poll() is None:
        stack.down()


def test_it_needs_no_setting_and_what_it_says_to_try_works(sandboxed: Stack) -> None:
    assert sandboxed.process is not None
    processes = [psutil.Process(sandboxed.process.pid)]
    processes += processes[0].children(recursive=True)
    held = []
    for one in processes:
        with suppress(psutil.NoSuchProcess):  # PostgreSQL has some of its processes for a moment only
            held.append(one.memory_full_info())
    assert sum(one.pss for one in held) <= LARGEST_SHARE * sum(one.rss for one in held)

    said = (sandboxed.folder / "up.log").read_text()
    assert "left out here: CONSENT_EGRESS_PROXY" in said
    assert "real-4711" not in said
    submit = re.search(r"^ .*consent (submit .*)$", said, re.MULTILINE)
    assert submit is not None
    done = sandboxed.run(*shlex.split(submit[1]), "--vendors", "insider,akinon")  # the quick ones
    assert done.returncode == 1, done.stderr
    assert "person-25" not in done.stdout + done.stderr
    attention = sandboxed.run("attention")
    assert "session_expired" in attention.stdout

    assert sandboxed.down() == 0
    assert [one.pid for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []

    environment = sandboxed.environment | {"CONSENT_FLOWER_PORT": "0"}
    real = subprocess.run([*CONSENT, "up"], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (real.returncode, real.stdout) == (3, "")
    assert "is a sandbox's" in real.stderr
