"""The command line while PostgreSQL takes no writes: exit 3, and one sentence."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from typer.testing import Result

from ledger.delivery.vendors import announce
from ledger.sealing import generate_master_key
from ledger.troubles import READ_ONLY
from tests.ledger.command_line import consent
from tests.ledger.databases import execute

PERSON = '{"user_id": "u-1", "email": "jane@private.example"}\n'
COMMANDS = (
    "submit - --kind erasure",
    "cancel ID",
    "confirm ID",
    "close ID --vendor insider --because because",
    "extend ID --days 1 --because because",
    "vendor hold insider",
    "vendor resume insider",
    "vendor off insider",
    "vendor retire insider --because because",
    "keys create shop --role submitter",
    "lookup - --json",
    "doctor",
)
WRITES_NOTHING_YET = {"lookup - --json", "close ID --vendor insider --because because", "confirm ID"}
"""They may also find, before they write anything, that there is nothing to be done."""


@pytest.fixture
def request_id(engine: Engine, environment: dict[str, str]) -> str:
    with engine.begin() as connection:
        announce(connection, {"insider": 10})
    return run("submit - --kind erasure").stdout.strip()


@pytest.fixture
def _read_only(postgres_url: str, request_id: str, connecting_anew: None) -> Iterator[None]:
    execute(postgres_url, "ALTER ROLE CURRENT_USER SET default_transaction_read_only = on")
    yield
    execute(
        postgres_url,
        "SET default_transaction_read_only = off",
        "ALTER ROLE CURRENT_USER RESET default_transaction_read_only",
    )


def run(command: str) -> Result:
    return consent(*command.split(), stdin=PERSON)


@pytest.mark.usefixtures("_read_only")
def test_whatever_writes_ends_with_3_and_says_why(request_id: str) -> None:
    for command in COMMANDS:
        done = run(command.replace("ID", request_id))
        assert done.exception is None or isinstance(done.exception, SystemExit), command
        if command in WRITES_NOTHING_YET and done.exit_code != 3:
            assert done.exit_code in (0, 2), command
            continue
        assert (done.exit_code, READ_ONLY in done.output) == (3, True), (command, done.output)
        assert "jane" not in done.output


def test_it_goes_on_afterwards(engine: Engine, request_id: str) -> None:
    assert run("submit - --kind erasure").exit_code == 0
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM requests")).scalar_one() == 2


def test_keys_of_another_ledger_are_told(request_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_MASTER_KEYS", generate_master_key())
    done = run("doctor")
    assert done.exit_code == 1
    assert "these are not the keys of this ledger" in done.output
