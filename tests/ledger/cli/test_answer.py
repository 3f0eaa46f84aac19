"""`consent answer` and `consent report` at the command line."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from ledger.sealing import generate_master_key
from tests.ledger.cli.test_commands import people, settle, stack, submitted
from tests.ledger.command_line import consent

__all__ = ["people", "stack"]


@pytest.fixture
def answered(stack: Engine, people: str) -> str:
    """A request of three people, all accepted."""
    request_id = submitted(people)
    settle(stack, request_id)
    return request_id


def entries(engine: Engine) -> list[tuple[str, str | None, str | None]]:
    with engine.connect() as connection:
        found = connection.execute(text("SELECT deed, target, because FROM audit_entries WHERE deed = 'answer'"))
        return [tuple(row) for row in found]


def test_an_answer_to_send_back(stack: Engine, answered: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_ANSWER_SENDER", "Shop GmbH")
    whole = consent("answer", answered)
    assert whole.exit_code == 0, whole.output
    assert "<title>Answer to your request for erasure</title>" in whole.stdout
    assert "Shop GmbH" in whole.stdout
    assert "•••" not in whole.stdout
    assert entries(stack) == []  # it tells of nobody
    told = json.loads(consent("answer", answered, "--json", "--for", "regulator").stdout)
    assert (told["people"], told["status"]) == (3, "completed")

    person = consent("answer", answered, "--line", "2", "--lang", "de")
    assert "E-Mail b•••@e•••.org" in person.stdout
    assert "bob" not in person.stdout
    assert entries(stack) == [("answer", answered, "line 2")]

    out = tmp_path / "answer.pdf"
    made = consent("answer", answered, "--line", "2", "--lang", "ko", "--format", "pdf", "--out", str(out))
    assert (made.exit_code, made.stdout) == (0, "")
    assert out.read_bytes().startswith(b"%PDF-")
    assert out.stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_answered_says_why(
    stack: Engine, answered: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for args, said in (
        (("no-id",), "no request of this id"),
        (("123e4567-e89b-42d3-a456-426614174000",), "no request of this id"),
        ((answered, "--line", "9"), "nobody stands on this line"),
        ((answered, "--lang", "xx"), "it is one of en, de, tr, ko"),
        ((answered, "--out", str(tmp_path / "nowhere" / "a.html")), "No such file or directory"),
    ):
        result = consent("answer", *args)
        assert result.exit_code == 2, args
        assert said in result.stderr
        assert result.stdout == ""
    monkeypatch.setenv("CONSENT_MASTER_KEYS", generate_master_key())
    refused = consent("answer", answered, "--line", "1")
    assert refused.exit_code == 2
    assert "master keys" in refused.stderr
    assert consent("answer", answered).exit_code == 0


def test_a_report(stack: Engine, answered: str) -> None:
    today = datetime.now(UTC).date().isoformat()
    told = json.loads(consent("report", "--from", today, "--to", today, "--json").stdout)
    assert (told["requests"]["received"], told["requests"]["done"], told["kinds"]["erasure"]["people"]) == (1, 1, 3)
    assert told["vendors"]["insider"]["accepted"] == 3
    rows = list(csv.DictReader(io.StringIO(consent("report", "--from", today, "--to", today, "--csv").stdout)))
    figures = {(row["group"], row["name"], row["figure"]): row["value"] for row in rows}
    assert figures["all", "", "received"] == "1"
    assert figures["vendor", "dfinery", "accepted"] == "3"
    shown = consent("report", "--from", today, "--to", today)
    assert shown.exit_code == 0
    assert "insider: 3 accepted" in shown.stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--from", "2026-02-01", "--to", "2026-01-01"), "the last day is before the first one"),
        (("--from", "2024-01-01", "--to", "2026-01-01"), "longer than 366 days"),
        (("--from", "2026-02-30", "--to", "2026-03-01"), "must be a day, as 2026-05-25"),
        (("--from", "2026-02-01", "--to", "2026-03-01", "--json", "--csv"), "not both"),
    ],
)
def test_a_report_that_cannot_be_made_says_why(stack: Engine, args: tuple[str, ...], said: str) -> None:
    result = consent("report", *args)
    assert result.exit_code == 2
    assert said in result.stderr
