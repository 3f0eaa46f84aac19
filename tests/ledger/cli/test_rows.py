"""Odd rows of a file at the command line: refused by line and field, allowed explicitly, and reported."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.ledger.cli.test_commands import count, people, stack
from tests.ledger.command_line import consent

__all__ = ["people", "stack"]

DAMAGED = "user_id,email\nu-1,a@example.org\n1.23457E+11,\nu-3,<c@example.org>\n,mailto:d@example.org\n\ufeffu-5,\n"


def submitted(file: Path, content: str, *args: str) -> dict[str, Any]:
    file.write_text(content)
    result = consent("submit", str(file), "--kind", "erasure", "--json", *args)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def exported(request_id: str, form: str) -> list[dict[str, Any]]:
    said = consent("export", request_id, "--format", form).stdout
    if form == "csv":
        return list(csv.DictReader(io.StringIO(said)))
    return [json.loads(line) for line in said.splitlines()]


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_what_nobody_can_be_found_by_is_refused_by_line_and_field(stack: Engine, tmp_path: Path, form: str) -> None:
    file = tmp_path / f"people.{form}"
    rows = list(csv.DictReader(io.StringIO(DAMAGED)))
    lines = (
        DAMAGED if form == "csv" else "".join(json.dumps({k: v for k, v in row.items() if v}) + "\n" for row in rows)
    )
    file.write_text(lines)
    result = consent("submit", str(file), "--kind", "erasure")
    assert (result.exit_code, result.stdout) == (2, "")
    first = 3 if form == "csv" else 2
    said = result.stderr.splitlines()
    assert [line.split()[:3] for line in said[:4]] == [
        ["line", f"{first}:", "user_id"],
        ["line", f"{first + 1}:", "email"],
        ["line", f"{first + 2}:", "email"],
        ["line", f"{first + 3}:", "user_id"],
    ]
    assert said[-1] == "nothing was recorded"
    assert "E+11" not in result.stderr.replace("1.2E+11", "")
    assert "example.org" not in result.stderr.replace("a@example.org", "")
    assert count(stack, "requests") == 0


def test_three_damaged_lines_are_not_one_person(stack: Engine, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("user_id\n" + "1.23457E+11\n" * 3)
    assert consent("submit", str(file), "--kind", "erasure").exit_code == 2


def test_a_customer_who_is_really_called_so_is_taken_where_it_is_said(stack: Engine, tmp_path: Path) -> None:
    file = tmp_path / "people.ndjson"
    file.write_text('{"user_id": "1"}\n{"user_id": "None"}\n{"vendors": {"insider": {"insider_id": "guest"}}}\n')
    refused = consent("submit", str(file), "--kind", "erasure", "--allow-placeholder", "user_id=1")
    assert refused.exit_code == 2
    assert [line.split()[1] for line in refused.stderr.splitlines()[:2]] == ["2:", "3:"]
    assert "--allow-placeholder" in refused.stderr

    allow = ["user_id=1", "user_id=None", "insider.insider_id=guest"]
    args = [arg for one in allow for arg in ("--allow-placeholder", one)]
    result = consent("submit", str(file), "--kind", "erasure", *args)
    assert result.exit_code == 0, result.output
    with stack.connect() as connection:
        notes = connection.execute(text("SELECT deed, reason FROM notes")).all()
        audited = connection.execute(text("SELECT because FROM audit_entries WHERE deed = 'submit'")).scalar_one()
    assert [tuple(note) for note in notes] == [("allow_placeholders", "insider.insider_id (1), user_id (2)")]
    assert audited == "allowed as identifiers: insider.insider_id (1), user_id (2)"
    found = consent("lookup", "--user-id", "1", "--json")
    assert [one["line"] for one in json.loads(found.stdout)["requests"]] == [1]


@pytest.mark.parametrize("option", ["user_id", "name=1", "=1", "user_id=", "vendors.acme.id=1"])
def test_what_is_allowed_is_said_by_field_and_value(stack: Engine, tmp_path: Path, option: str) -> None:
    (tmp_path / "people.csv").write_text("user_id\nu-1\n")
    arguments = ("submit", str(tmp_path / "people.csv"), "--kind", "erasure", "--allow-placeholder", option)
    assert consent(*arguments).exit_code == 2


def test_an_allowed_value_is_allowed_in_its_field_only(stack: Engine, tmp_path: Path) -> None:
    file = tmp_path / "people.ndjson"
    file.write_text('{"user_id": "u-1", "vendors": {"insider": {"insider_id": "1"}}}\n')
    assert consent("submit", str(file), "--kind", "erasure", "--allow-placeholder", "user_id=1").exit_code == 2


def test_a_person_is_named_by_the_line_of_the_file_too(stack: Engine, tmp_path: Path) -> None:
    rows = 'user_id,email\n\nu-1,\n\n\nu-2,"b@example.org"\nu-3,\n"u-4\n",\nu-3,\nu-5,\n'.replace('"u-4\n"', '"u-4"')
    answer = submitted(tmp_path / "people.csv", rows, "--vendors", "insider")
    expected = [("1", "3"), ("2", "6"), ("3", "7"), ("4", "8"), ("6", "10")]
    for form in ("csv", "ndjson"):
        found = exported(answer["request_id"], form)
        assert [(str(row["line"]), str(row["file_line"])) for row in found] == expected
    involved = json.loads(consent("lookup", "--user-id", "u-5", "--json").stdout)["requests"]
    assert [(one["line"], one["file_line"]) for one in involved] == [(6, 10)]
    assert "10" in consent("lookup", "--user-id", "u-5").stdout


def test_faults_and_exports_name_the_same_line(stack: Engine, tmp_path: Path) -> None:
    good = "".join(f"u-{n},\n" + ("\n" if n % 3 == 0 else "") for n in range(2, 1_300))
    bad = consent("submit", "-", "--kind", "erasure", stdin=f"user_id,email\n{good}u-last,nobody\n")
    told = int(bad.stderr.split(":")[0].removeprefix("line "))
    answer = submitted(tmp_path / "people.csv", f"user_id,email\n{good}u-last,z@example.org\n", "--vendors", "insider")
    assert exported(answer["request_id"], "csv")[-1]["file_line"] == str(told)


def test_what_is_empty_beside_something_good_is_told_and_left_aside(stack: Engine, tmp_path: Path) -> None:
    content = (
        '{"user_id": "u-1", "email": "", "phone_number": null}\n{"user_id": " ", "email": "a@example.org"}\n'
        '{"user_id": "u-3", "vendors": {"akinon": {"session_id": ""}, "insider": {"identifiers": {"email": "  "}}}}\n'
    )
    answer = submitted(tmp_path / "people.ndjson", content)
    assert answer["subjects"] == 3
    assert answer["left_aside"] == {"email": 1, "user_id": 1, "akinon.session_id": 1, "insider.identifiers.email": 1}
    result = consent("submit", "-", "--kind", "erasure", stdin='{"user_id": "", "email": " "}\n{"user_id": "u-1"}\n')
    assert [line.split()[:3] for line in result.stderr.splitlines()[:2]] == [
        ["line", "1:", "user_id"],
        ["line", "1:", "email"],
    ]


@pytest.mark.parametrize("more", [0, 1_100])
def test_many_on_one_address_or_number_are_told(stack: Engine, tmp_path: Path, more: int) -> None:
    shared = "".join(f'{{"user_id": "u-{n}", "email": "shop@example.org"}}\n' for n in range(50))
    shared += "".join(f'{{"user_id": "v-{n}", "phone_number": "+821012345678"}}\n' for n in range(7))
    family = "".join(f'{{"user_id": "w-{n}", "email": "fam@example.org"}}\n' for n in range(4))
    others = "".join(f'{{"user_id": "x-{n}", "email": "x{n}@example.org"}}\n' for n in range(more))
    file = tmp_path / "people.ndjson"
    answer = submitted(file, shared + family + others)
    assert answer["crowds"] == [
        {"shared": "email", "values": 1, "people": 50, "most": 50},
        {"shared": "phone_number", "values": 1, "people": 7, "most": 7},
    ]
    said = consent("submit", str(file), "--kind", "erasure").stderr
    assert "warning: 50 people share 1 e-mail address" in said
    assert "shop" not in said
    assert "crowds" not in submitted(file, family + others)


@pytest.mark.parametrize("more", [0, 1_100])
def test_many_lines_that_become_one_person_are_told(stack: Engine, tmp_path: Path, more: int) -> None:
    content = '{"user_id": "u-1"}\n' * 6 + '{"user_id": "u-2"}\n' * 3 + '{"user_id": "u-3"}\n' * 2
    content += "".join(f'{{"user_id": "x-{n}"}}\n' for n in range(more))
    answer = submitted(tmp_path / "people.ndjson", content)
    assert answer["crowds"] == [{"shared": "line", "values": 2, "people": 9, "most": 6}]
    assert answer["duplicates"] == 8
