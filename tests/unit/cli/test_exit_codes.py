"""Whatever fails, the exit code says what: 1 is for requests with exceptions alone."""

import errno
import os
from pathlib import Path

import pytest
import typer

from cli import status
from cli.commands import app
from intake import exit_codes
from intake.exit_codes import CommandError, Ending
from ledger.sealing import generate_master_key
from local.entry import asked_for_status
from tests.cli_runner import CliRunner, Result
from tests.table_rows import each_row

AN_ID = "123e4567-e89b-42d3-a456-426614174000"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("CONSENT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CONSENT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CONSENT_DATABASE_URL", "postgresql://127.0.0.1:1/consent")
    monkeypatch.setenv("CONSENT_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("CONSENT_MASTER_KEYS", generate_master_key())


def ended(*argv: str) -> Result:
    told = CliRunner().invoke(app, argv)
    assert "Traceback" not in told.output
    return told


@pytest.mark.parametrize(
    ("raised", "code", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 3, "the system refuses: No space left on device"),
        (PermissionError(errno.EACCES, "Permission denied", "/secret"), 3, "the system refuses: Permission denied"),
        (OSError("jane@private.example"), 3, "the system refuses: OSError"),
        (CommandError("no", Ending.UNUSABLE), 2, "no"),
        (KeyboardInterrupt(), 130, "stopped"),
        (typer.Abort(), 130, "stopped"),
        (BrokenPipeError(), 0, ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_failure_of_the_machine_is_no_request_with_exceptions(
    raised: BaseException, code: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> Ending:
        raise raised

    monkeypatch.setattr(exit_codes, "_drop_output", lambda: None)
    monkeypatch.setattr(status, "status", fails)

    told = ended("status", AN_ID)

    assert told.exit_code == code
    assert says in told.stderr
    assert "jane" not in told.output


@each_row(
    ("argv", "asked"),
    [
        (["status", AN_ID], (AN_ID, False)),
        (["status", AN_ID, "--json"], (AN_ID, True)),
        (["status", "--json", AN_ID.upper()], (AN_ID.upper(), True)),
        (["status", AN_ID.replace("-", "")], (AN_ID.replace("-", ""), False)),
        (["status", "jane@private.example"], None),
        (["status", "--help"], None),
        (["status", AN_ID, "--help"], None),
        (["status", AN_ID, AN_ID], None),
        (["status"], None),
        (["watch", AN_ID], None),
        ([], None),
    ],
)
def test_only_a_status_is_told_without_the_rest_of_the_command_line(
    argv: list[str], asked: tuple[str, bool] | None
) -> None:
    assert asked_for_status(argv) == asked


@pytest.mark.parametrize(("raised", "code"), [(ZeroDivisionError("jane@x.example"), 70), (MemoryError(), 3)])
def test_a_fault_of_our_own_has_a_code_of_its_own(
    raised: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> Ending:
        raise raised

    monkeypatch.setattr(status, "status", fails)
    monkeypatch.setattr("sys.argv", ["consent", "status", AN_ID])

    with pytest.raises(SystemExit) as end:
        exit_codes.run_to_end(app)

    assert end.value.code == code
    assert "jane" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "variable", "value", "code"),
    [
        (["status", AN_ID], "", "", 3),
        (["list"], "", "", 3),
        (["attention"], "", "", 3),
        (["vendor", "list"], "", "", 3),
        (["user", "list"], "", "", 3),
        (["audit"], "", "", 3),
        (["doctor"], "", "", 3),
        (["migrate"], "", "", 3),
        (["status", AN_ID], "CONSENT_DATABASE_URL", "mysql://h/d", 2),
        (["status", AN_ID], "CONSENT_WEB_PORT", "many", 2),
        (["status", AN_ID], "CONSENT_MASTER_KEYS", "short", 2),
        (["status", AN_ID], "CONSENT_CA_BUNDLE", "/no/such/file", 2),
        (["status", "no-id"], "", "", 3),
        (["list", "--kind", "x"], "", "", 2),
        (["submit", "/no/such/file", "--kind", "erasure"], "", "", 2),
        (["submit", "/", "--kind", "erasure"], "", "", 2),
        (["provide", AN_ID, "/no/such/file"], "", "", 2),
        (["submit", "x"], "", "", 2),
        (["nonsense"], "", "", 2),
        ([], "", "", 2),
    ],
)
def test_services_away_bad_settings_and_bad_input(
    argv: list[str], variable: str, value: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable:
        monkeypatch.setenv(variable, value)

    assert ended(*argv).exit_code == code


@pytest.mark.parametrize("name", ["stack.json", "master.key", "producer.key"])
@pytest.mark.parametrize("content", [None, b"\xff\x00{"])
def test_a_file_of_the_data_folder_that_cannot_be_read(
    name: str, content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("DATABASE_URL", "REDIS_URL", "MASTER_KEYS"):
        monkeypatch.delenv(f"CONSENT_{variable}")
    data = tmp_path / "data"
    data.mkdir()
    (data / "stack.json").write_text(
        '{"database_url": "postgresql://127.0.0.1:1/c", "redis_url": "redis://127.0.0.1:1"}'
    )
    (data / "master.key").write_text(generate_master_key())
    (data / name).unlink(missing_ok=True)
    if content is None:
        (data / name).mkdir()  # root may read every file, and nobody a folder
    else:
        (data / name).write_bytes(content)

    told = ended("status", AN_ID)

    assert told.exit_code in (2, 3)
    assert told.stderr.strip()
