"""What a command loads before it works: scripts call some commands very often. Counted in modules, not in seconds."""

import subprocess
import sys
from importlib.metadata import version

CALLED = """
import json, sys
from local.main import app

for argv in json.loads(sys.argv.pop()):
    try:
        app(argv, prog_name="consent")
    except SystemExit as end:
        assert not end.code or "--help" not in argv, (argv, end.code)
print(*sorted({name.partition(".")[0] for name in sys.modules}), len(sys.modules), file=sys.stderr)
"""
COMMANDS = """[["--version"], ["--help"], ["status", "--help"], ["submit", "--help"], ["retry", "--help"],
    ["close", "--help"], ["export", "--help"], ["attention", "--help"], ["lookup", "--help"], ["audit", "--help"],
    ["vendor", "--help"], ["keys", "create", "--help"], ["user", "--help"], ["webhook", "--help"], ["up", "--help"],
    ["demo", "--help"], ["doctor", "--help"]]"""
HEAVY = {"adapters", "aiohttp", "asyncio", "celery", "config", "httpx", "ledger", "phonenumbers", "redis", "sqlalchemy"}
MOST = 350
"""With pydantic, which typer uses, there are 292."""


def called(commands: str) -> tuple[set[str], int, str]:
    """What a process has loaded after these commands: the packages, and how many modules; and what they said."""
    argv = [sys.executable, "-c", CALLED, commands]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120)
    *packages, count = done.stderr.splitlines()[-1].split()
    return set(packages), int(count), done.stdout


def test_help_and_version_load_what_the_command_line_is_made_of_and_no_more() -> None:
    packages, count, said = called(COMMANDS)
    assert said.startswith(f"consent-worker {version('consent-worker')}\n")
    assert packages & {*HEAVY, "markdown_it", "rich"} == set()
    assert count < MOST


def test_the_version_loads_no_help() -> None:
    packages, _, said = called('[["--version"]]')
    assert said == f"consent-worker {version('consent-worker')}\n"
    assert packages & {*HEAVY, "markdown_it"} == set()


def test_what_only_looks_loads_nothing_that_sends_or_serves() -> None:
    packages, _, _ = called('[["status", "no-id"]]')
    assert "ledger" in packages
    assert packages & {"celery", "kombu", "fastapi"} == set()
