"""`consent submit --check` and the options that say how to read a file, against a real ledger."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.ledger.cli.test_commands import count, stack
from tests.ledger.command_line import consent

__all__ = ["stack"]

GERMAN = """Kundennummer;E-Mail;Handynummer;Notiz
K-71;ann@example.org;0151 23456789;x
K-72;;;y
K-71;ANN@example.org;+4915123456789;z
"""


def checked(*args: str, stdin: str | bytes, ending: int = 0) -> dict[str, Any]:
    result = consent("submit", "--check", "-", "--json", *args, stdin=stdin)
    assert result.exit_code == ending, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def test_a_check_says_what_would_come_of_it_and_records_nothing(stack: Engine) -> None:
    told = checked("--region", "DE", "--ignore", "notiz", stdin=GERMAN)
    assert told["kind"] == "UTF-8, CSV, separated by semicolons"
    assert told["columns"] == {"Kundennummer": "user_id", "E-Mail": "email", "Handynummer": "phone_number"}
    assert (told["ignored"], told["region"]) == (["Notiz"], "DE")
    assert (told["people"], told["repeats"], told["faults"]) == (2, 1, [])
    assert told["vendors"]["dfinery"] == {"reachable": 2, "unreachable": 0, "give": "user_id"}
    assert told["unreachable"] == {}
    assert told["sample"][0] == {"user_id": "K•••", "email": "a•••@e•••.org", "phone_number": "+491•••89"}
    assert count(stack, "requests") == count(stack, "subjects") == 0


def test_a_check_tells_who_cannot_be_found_and_what_is_wrong(stack: Engine) -> None:
    table = "email;phone\nann@example.org;\nbob;\n;010-1234-5678\ncat@example.org;\n"
    told = checked("--kind", "opt_out", stdin=table, ending=2)
    assert (told["people"], told["unreachable"]["dfinery"]) == (2, 2)
    assert [(fault["line"], fault["field"]) for fault in told["faults"]] == [(3, "email"), (4, "phone_number")]
    assert "--region" in told["faults"][1]["problem"]
    assert "bob" not in json.dumps(told)
    text = consent("submit", "--check", "-", stdin=table)
    assert text.exit_code == 2
    for words in (
        "column email is email",
        "people: 2",
        "line 3: email",
        "2 of 2 people cannot be found at",
        "a•••@e•••.org",
    ):
        assert words in text.stdout


def test_a_check_and_a_submission_say_the_same(stack: Engine) -> None:
    table = "email;E-mial\nbob;1\n"
    faults = checked(stdin=table, ending=2)["faults"]
    refused = consent("submit", "-", "--kind", "erasure", stdin=table)
    assert refused.exit_code == 2
    assert [
        f"line {fault['line']}: {fault['field']} {fault['problem']}" for fault in faults
    ] == refused.stderr.splitlines()[:1]
    good = "user_id,email\nu-71,\nu-72,a@example.org\nu-71,\n"
    told = checked(stdin=good)
    receipt = json.loads(consent("submit", "-", "--kind", "erasure", "--json", stdin=good).stdout)
    assert (told["people"], told["repeats"]) == (receipt["subjects"], receipt["duplicates"])
    assert told["unreachable"] == receipt["unreachable"]


def test_without_a_stack_the_settings_say_which_vendors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_DATA_DIR", str(tmp_path / "none"))
    for name in ("DATABASE_URL", "REDIS_URL", "MASTER_KEYS"):
        monkeypatch.delenv(f"CONSENT_{name}", raising=False)
    monkeypatch.setenv("CONSENT_DFINERY__BASE_URL", "https://openapi.example/api/v1")
    monkeypatch.setenv("CONSENT_DFINERY__API_TOKEN", "t")
    told = consent("submit", "--check", "-", "--json", stdin="email\nann@example.org\n")
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["unreachable"] == {"dfinery": 1}
    assert "no stack" in told.stderr


def test_a_file_is_submitted_as_it_was_checked_and_what_was_said_of_it_is_kept(
    stack: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = "Nr;Tel\nK-71;010-1234-5678\n"
    refused = consent("submit", "-", "--kind", "erasure", stdin=table)
    assert (refused.exit_code, count(stack, "requests")) == (2, 0)
    kept = consent("submit", "--check", "-", "--map", "Nr=user_id", "--map-as", "crm", "--region", "kr", stdin=table)
    assert kept.exit_code == 0, kept.output
    monkeypatch.setenv("CONSENT_PHONE_REGION", "KR")
    done = consent("submit", "-", "--kind", "erasure", "--map-as", "crm", "--json", stdin=table)
    assert (done.exit_code, json.loads(done.stdout)["subjects"]) == (0, 1), done.output
    for bad in (["--map-as", "shop"], ["--map", "Nr"], ["--region", "XX"], ["--map-as", "../x", "--map", "Nr=user_id"]):
        refused = consent("submit", "-", "--kind", "erasure", *bad, stdin=table)
        assert refused.exit_code == 2, bad
        assert bad[0] in refused.stderr, refused.stderr


def test_a_submission_without_a_kind_says_which_there_are(stack: Engine) -> None:
    refused = consent("submit", "-", stdin="user_id\nu-7\n")
    assert (refused.exit_code, "--kind" in refused.stderr) == (2, True)


@pytest.mark.parametrize(("name", "key"), [("insider@brnad", "insider_id"), ("dfinery@x", "user_id")])
def test_people_given_for_an_account_that_is_not_there_are_refused_at_their_line(
    stack: Engine, name: str, key: str
) -> None:
    people = f'{{"user_id": "a"}}\n\n{{"user_id": "b", "vendors": {{"{name}": {{"{key}": "b"}}}}}}\n'
    told = checked("--kind", "erasure", stdin=people, ending=2)
    assert [(fault["line"], fault["field"]) for fault in told["faults"]] == [(3, f"vendors.{name}")]
    assert "is for an account that is not known here" in told["faults"][0]["problem"]
    refused = consent("submit", "--kind", "erasure", "-", stdin=people)
    assert refused.exit_code == 2
    assert f"line 3: vendors.{name} {told['faults'][0]['problem']}" in refused.stderr
    assert count(stack, "requests") == count(stack, "subjects") == 0
