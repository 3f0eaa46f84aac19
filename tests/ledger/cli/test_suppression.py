"""`consent suppression check`, and what an opt-in of who was erased is told."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.ledger.cli.test_commands import VENDORS, people, settle, stack, submitted
from tests.ledger.command_line import consent

__all__ = ["people", "stack"]

TABLE = "Kunde;E-Mail\nx-1;new@private.example\nx-2;\nu-2;\n"
READ_AS = ("--map", "Kunde=user_id")


def test_lines_of_a_file_that_name_somebody_who_was_erased_are_told(stack: Engine, people: str, tmp_path: Path) -> None:
    nobody = consent("suppression", "check", people, "--json")
    assert (nobody.exit_code, json.loads(nobody.stdout)["erased"]) == (0, [])
    request_id = submitted(people)
    imported = tmp_path / "import.csv"
    imported.write_text(TABLE)
    told = consent("suppression", "check", str(imported), *READ_AS)
    assert told.exit_code == 1, told.output
    assert told.stdout.startswith("line 3 (line 4 of the file): erased 20")
    assert told.stdout.endswith(f", request {request_id}\n3 people, of whom on the suppression list: 1\n")
    assert "u-2" not in told.output
    settle(stack, request_id)
    assert consent("forget", request_id, "--because", "asked for").exit_code == 0
    as_json = consent("suppression", "check", "-", *READ_AS, "--json", stdin=TABLE)
    assert as_json.exit_code == 1
    found = json.loads(as_json.stdout)
    assert (found["people"], found["on_the_list"]) == (3, 1)
    (one,) = found["erased"]
    assert (one["line"], one["file_line"], one["request_id"]) == (3, 4, None)
    entries = json.loads(consent("audit", "--json").stdout)["entries"]
    assert [entry["action"] for entry in entries].count("suppression check") == 3


@pytest.mark.parametrize("file", ["", "user_id;e-mial\nu-2;x\n", "user_id,email\nu-2,no address\n"])
def test_a_file_that_cannot_be_read_as_it_is_is_unusable(stack: Engine, file: str) -> None:
    refused = consent("suppression", "check", "-", stdin=file)
    assert (refused.exit_code, refused.stdout) == (2, ""), refused.output
    assert "nothing was checked" in refused.stderr
    assert "no address" not in refused.stderr


@pytest.mark.parametrize("kind", ["opt_in", "opt_out"])
def test_who_opts_in_or_out_is_told_whom_it_names(stack: Engine, people: str, kind: str) -> None:
    submitted(people)
    told = consent("submit", "-", "--kind", kind, "--json", stdin="user_id\nx-1\nu-2\n")
    assert told.exit_code == 0
    assert json.loads(told.stdout)["erased_before"] == {"people": 1, "lines": [2]}
    assert "warning: 1 person was erased before: line 2; `consent suppression check`" in told.stderr
    again = consent("submit", people, "--kind", "erasure", "--json")
    assert "erased_before" not in json.loads(again.stdout)


def test_a_file_that_is_only_looked_at_says_whom_it_names_too(
    stack: Engine, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(people)
    before = consent("audit", "--json").stdout
    table = "user_id\nx-1\nu-2\nu-3\nu-2\n"
    for kind, happens in (
        ("opt_in", "the opt-in goes out for them too, with this warning"),
        ("opt_out", "the opt-out goes out for them too, and erases nobody"),
        ("erasure", "they are erased again"),
    ):
        as_json = json.loads(consent("submit", "--check", "-", "--kind", kind, "--json", stdin=table).stdout)
        assert (as_json["erased_before"], as_json["not_looked_up"]) == ({"people": 2, "lines": [2, 3]}, 0)
        told = consent("submit", "--check", "-", "--kind", kind, stdin=table)
        assert "warning: 2 people were erased before: lines 2, 3; `consent suppression check`" in told.stdout
        assert f". When this is submitted, {happens}\n" in told.stdout
        assert "u-2" not in told.output
    assert consent("audit", "--json").stdout == before
    monkeypatch.setattr("intake.files.check.LOOKED_UP", 2)
    monkeypatch.setattr("cli.check.LOOKED_UP", 2)
    told = consent("submit", "--check", "-", "--kind", "opt_in", stdin=table)
    assert "warning: 1 person was erased before: line 2;" in told.stdout
    assert "warning: of the file, only 2 people were looked up on the suppression list, the first;" in told.stdout
    nobody = consent("submit", "--check", "-", "--json", stdin="user_id\nx-1\n")
    assert json.loads(nobody.stdout)["erased_before"] is None


def test_who_is_found_is_erased_again_where_that_is_set(
    stack: Engine, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(people, "--asked-at", "2026-01-02")
    told = consent("suppression", "check", "-", "--json", stdin="user_id\nx-1\nu-2\n")
    assert (told.exit_code, "erased_again" in json.loads(told.stdout)) == (1, False)
    monkeypatch.setenv("CONSENT_ERASE_AGAIN", "true")
    told = consent("suppression", "check", "-", stdin="user_id\nx-1\nu-2\n")
    assert told.stdout.endswith("an erasure of 1 person was recorded, submitted by system:suppression\n")
    told = consent("suppression", "check", "-", "--json", stdin="user_id\nu-2\n")
    assert (told.exit_code, json.loads(told.stdout)["erased_again"]) == (1, 0), "it is being done"


def test_who_is_found_is_told_also_where_the_new_erasure_is_refused(
    stack: Engine, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(people, "--asked-at", "2026-01-02")
    for vendor in VENDORS:
        assert consent("vendor", "off", vendor).exit_code == 0
    monkeypatch.setenv("CONSENT_ERASE_AGAIN", "true")
    told = consent("suppression", "check", "-", "--json", stdin="user_id\nx-1\nu-2\n")
    found = json.loads(told.stdout)
    assert (told.exit_code, found["on_the_list"], found["erased_again"]) == (1, 1, 0), told.output
    assert "vendor" in found["not_erased_again"]
    told = consent("suppression", "check", "-", stdin="user_id\nx-1\nu-2\n")
    assert (told.exit_code, "nobody was erased again: " in told.stderr) == (1, True), told.output
