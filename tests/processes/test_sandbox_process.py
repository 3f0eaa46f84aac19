"""The process: it says when it is ready, listens on loopback only, and leaves when told."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120


UNFINISHED = b"POST /dfinery/users/ci HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"


def wait_for_unfinished(port):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_sandbox/traffic", timeout=PATIENCE_S) as answer:
            if found := json.load(answer)["dfinery"]["statuses"].get("unfinished", 0):
                return found
        time.sleep(0.02)
    return 0


def run(*arguments, **environ):
    command = [sys.executable, "-m", "sandbox", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=os.environ | environ
    )


def test_serves_until_sigterm(tmp_path):
    ready, faults = tmp_path / "ready", tmp_path / "faults.json"
    faults.write_text(json.dumps({"dfinery": {"slow": 0.25}}))
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--ready-file", str(ready), "--seed", "5"]
    command += ["--faults", str(faults), "--limit", "dfinery=7"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline().strip()
            deadline = time.monotonic() + PATIENCE_S
            while not ready.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            port = int(ready.read_text())
            assert line == f"sandbox ready on http://127.0.0.1:{port}"
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_sandbox/faults", timeout=PATIENCE_S) as answer:
                told = json.load(answer)
            assert (told["seed"], told["dfinery"]["slow"]) == (5, 0.25)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_sandbox/traffic", timeout=PATIENCE_S) as answer:
                assert json.load(answer)["dfinery"]["limit"] == 7
            for broken in (b"PUT /algonomy/optOut/\xff HTTP/1.1\r\n\r\n", UNFINISHED):
                with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as sender:
                    sender.sendall(broken)
            assert wait_for_unfinished(port) == 1
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE_S) == 0
        assert process.stderr.read() == ""


def test_prints_the_workers_environment():
    done = run("--print-env", "--port", "8123", "--limit", "akinon=50", SANDBOX_DFINERY_API_TOKEN="t-1")
    lines = dict(line.split("=", 1) for line in done.stdout.splitlines())
    for vendor in ("INSIDER", "ALGONOMY", "DFINERY", "AKINON", "B2CORE"):
        assert lines[f"CONSENT_{vendor}__BASE_URL"] == f"http://127.0.0.1:8123/{vendor.lower()}"
    assert lines["CONSENT_DFINERY__API_TOKEN"] == "t-1"
    assert lines["CONSENT_AKINON__REQUESTS_PER_MINUTE"] == "50"
    assert lines["CONSENT_INSIDER__PARTNER_NAME"] == "sandbox"
    assert not [name for name in lines if name.startswith("CONSENT_RESOLVER__")]


def test_prints_the_settings_of_the_directory_where_they_are_asked_for():
    done = run("--print-env", "--directory", "--port", "8123", SANDBOX_DIRECTORY_SECRET="whsec_dGVzdA==")
    lines = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert lines["CONSENT_RESOLVER__URL"] == "http://127.0.0.1:8123/directory"
    assert json.loads(lines["CONSENT_RESOLVER__SECRETS"]) == ["whsec_dGVzdA=="]
    assert lines["CONSENT_INSIDER__PARTNER_NAME"] == "sandbox"


@pytest.mark.parametrize(
    "arguments",
    [("--host", "192.0.2.1"), ("--host", "example.org"), ("--faults", "/nowhere"), ("--limit", "x=1")],
)
def test_refuses_unusable_arguments(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""


def test_imports_nothing_of_ours():
    ours = ("domain", "ledger", "adapters", "tasks", "worker", "intake", "answers", "web", "cli", "config", "local")
    code = f"import sys, sandbox.__main__; print(sorted(m for m in sys.modules if m.split('.')[0] in {ours}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    assert done.stdout.strip() == "[]"
