"""The command line where no service is needed: messages and exit codes instead of traces."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import status
from cli.commands import app
from intake.exit_codes import Ending
from ledger.sealing import generate_master_key
from tests.cli_runner import CliRunner, Result

AN_ID = "123e4567-e89b-42d3-a456-426614174000"
SECRET = "hunter2-hunter2"


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, closed_port: int, tmp_path: Path) -> Iterator[None]:
    """Settings whose services are all away."""
    for name in [name for name in os.environ if name.startswith("CONSENT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CONSENT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CONSENT_DATABASE_URL", f"postgresql://someone:{SECRET}@127.0.0.1:{closed_port}/consent")
    monkeypatch.setenv("CONSENT_REDIS_URL", f"redis://:{SECRET}@127.0.0.1:{closed_port}/0")
    monkeypatch.setenv("CONSENT_MASTER_KEYS", generate_master_key())
    return


@pytest.fixture
def people(tmp_path: Path) -> str:
    path = tmp_path / "people.ndjson"
    path.write_text('{"user_id": "u"}\n')
    return str(path)


def consent(*args: str) -> Result:
    result = CliRunner().invoke(app, args)
    assert SECRET not in result.output
    assert "someone" not in result.output
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def refused(*args: str) -> str:
    result = consent(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    return result.stderr


@pytest.mark.parametrize(
    "command",
    [["status", AN_ID], ["watch", AN_ID], ["export", AN_ID], ["migrate"], ["vendor", "list"], ["vendor", "hold", "x"]],
)
def test_a_database_that_is_away_is_named(command: list[str], closed_port: int) -> None:
    result = consent(*command)

    assert result.exit_code == 3
    assert f"PostgreSQL at 127.0.0.1:{closed_port}: nobody answers there" in result.stderr


def test_nothing_is_recorded_without_a_database(people: str, closed_port: int) -> None:
    result = consent("submit", people, "--kind", "erasure")

    assert (result.exit_code, result.stdout) == (3, "")
    assert f"127.0.0.1:{closed_port}" in result.stderr
    assert "nothing was recorded" in result.stderr


def test_doctor_tells_of_each_service_that_is_away(closed_port: int) -> None:
    result = consent("doctor")

    assert result.exit_code == 3
    lines = result.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["postgres", "FAULT"], ["redis", "FAULT"], ["vendors", "FAULT"]]
    assert all(f"127.0.0.1:{closed_port}: nobody answers there" in line for line in lines[:2])


def test_without_a_stack_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONSENT_DATABASE_URL")

    result = consent("status", AN_ID)

    assert result.exit_code == 3
    assert "consent up" in result.stderr
    assert "CONSENT_DATABASE_URL" in result.stderr


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CONSENT_WEB_PORT", "many"),
        ("CONSENT_DATABASE_URL", f"mysql://someone:{SECRET}@host/db"),
        ("CONSENT_DATABASE_URL", f"postgresql://someone:{SECRET}@host:port/db"),
        ("CONSENT_REDIS_URL", f"amqp://someone:{SECRET}@host"),
    ],
)
def test_settings_that_cannot_be_used_are_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)

    assert variable in refused("status", AN_ID)


@pytest.mark.parametrize("keys", ["master", "producer"])
@pytest.mark.parametrize("command", [["submit", "-", "--kind", "erasure"], ["doctor"], ["producer-key"], ["web"]])
def test_bad_keys_are_told_by_position(monkeypatch: pytest.MonkeyPatch, keys: str, command: list[str]) -> None:
    variable = f"CONSENT_{keys.upper()}_KEYS"
    monkeypatch.setenv(variable, f"{generate_master_key()},{SECRET}")

    assert f"{variable}: {keys} key 2 is not 32 bytes in base64" in refused(*command)


def test_an_unknown_kind_names_the_known_ones(people: str) -> None:
    message = refused("submit", people, "--kind", "ann@example.org")

    assert "erasure, opt_out, opt_in" in message
    assert "ann" not in message


@pytest.mark.parametrize("file", ["missing/ann@example.org", ".", "with\0nul"])
def test_a_file_that_cannot_be_opened(file: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    message = refused("submit", file, "--kind", "erasure")

    assert message.startswith("cannot read FILE: ")
    assert "example" not in message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"insider":\n [}', "line 2 column 3"),
        (b"\xff", "not JSON"),
        (b'["insider"]', "object"),
        (b"[" * 9_000, "not JSON"),
        (b'{"insider": {"partial": {"x": [NaN]}}}', "not JSON"),
        (b" " * 1_000_001, "larger"),
        (None, "No such file"),
    ],
)
def test_options_that_cannot_be_used(content: bytes | None, says: str, people: str, tmp_path: Path) -> None:
    options = tmp_path / "options.json"
    if content is not None:
        options.write_bytes(content)

    assert says in refused("submit", people, "--kind", "erasure", "--options", str(options))


@pytest.mark.parametrize(
    "value", ["[" + "[]," * 30_000 + "[]]", "[" + "0," * 30_000 + "0]", "{" + '"a":0,' * 30_000 + '"a":0}']
)
def test_options_of_too_many_values(value: str, people: str, tmp_path: Path) -> None:
    options = tmp_path / "options.json"
    options.write_text('{"insider": {"x": ' + value + "}}")

    assert "more than 20,000 values" in refused("submit", people, "--kind", "erasure", "--options", str(options))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "web.example"])
def test_the_web_process_listens_elsewhere_only_when_told_that_tls_is_in_front(host: str) -> None:
    told = refused("web", "--host", host)

    assert host in told
    assert "CONSENT_WEB_BEHIND_TLS=true" in told


@pytest.mark.parametrize("names", ["", ",", " , "])
def test_a_list_of_no_vendors(names: str, people: str) -> None:
    assert "--vendors" in refused("submit", people, "--kind", "erasure", "--vendors", names)


@pytest.mark.parametrize("key", ["", "a\nb", "\udcff", "x" * 201])
def test_idempotency_keys_that_no_table_takes(key: str, people: str) -> None:
    assert "--idempotency-key" in refused("submit", people, "--kind", "erasure", "--idempotency-key", key)


@pytest.mark.parametrize(
    "args", [["submit", "FILE"], ["submit"], ["status"], ["export", AN_ID, "--format", "xml"], ["x"]]
)
def test_calls_that_are_not_whole(args: list[str]) -> None:
    assert consent(*args).exit_code == 2


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> Ending:
        raise KeyboardInterrupt

    monkeypatch.setattr(status, "status", interrupted)

    result = consent("status", AN_ID)

    assert result.exit_code == 130
    assert result.stderr == "stopped\n"


def test_json_of_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands return how they ended, and what they print goes to stdout alone."""

    def good(*_: object, **__: object) -> Ending:
        print(json.dumps({"a": 1}))  # noqa: T201 - commands may
        return Ending.EXCEPTIONS

    monkeypatch.setattr(status, "status", good)

    result = consent("status", AN_ID)

    assert (result.exit_code, json.loads(result.stdout), result.stderr) == (1, {"a": 1}, "")
