"""`consent legal-hold`: who is kept, why, and until when."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from tests.ledger.cli.test_commands import people, stack
from tests.ledger.command_line import consent

__all__ = ["people", "stack"]

WHY = ("--reason", "litigation", "--because", "case 12")


def test_a_hold_is_added_listed_and_released_by_its_number(stack: Engine) -> None:
    assert consent("legal-hold", "list").stdout == "no legal hold is in force\n"
    added = consent("legal-hold", "add", "--user-id", "u-2", "--email", "Ann@private.example", *WHY)
    assert (added.exit_code, added.stdout) == (0, "1\n")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    as_json = consent(
        "legal-hold", "add", "-", *WHY, "--until", tomorrow, "--json", stdin='{"phone_number": "+821012345678"}'
    )
    assert json.loads(as_json.stdout) == {"id": 2, "reason": "litigation", "until": f"{tomorrow}T23:59:59.999Z"}
    second, first = json.loads(consent("legal-hold", "list", "--json").stdout)["legal_holds"]
    assert (first["id"], first["reason"], first["because"], first["until"]) == (1, "litigation", "case 12", None)
    assert (first["identifiers"], second["identifiers"]) == (["email", "user_id"], ["phone_number"])
    assert first["added_by"].startswith("cli:")
    assert (first["deliveries"], first["ended_at"]) == (0, None)
    table = consent("legal-hold", "list").stdout
    assert "case 12" in table
    assert "private.example" not in table
    assert consent("legal-hold", "release", "1", "--because", "settled").exit_code == 0
    assert [one["id"] for one in json.loads(consent("legal-hold", "list", "--json").stdout)["legal_holds"]] == [2]
    (_, ended) = json.loads(consent("legal-hold", "list", "--ended", "--json").stdout)["legal_holds"]
    assert (ended["ended_because"], ended["identifiers"]) == ("settled", [])
    entries = json.loads(consent("audit", "--json").stdout)["entries"]
    assert [one["action"] for one in entries if one["action"].startswith("legal-hold")] == [
        "legal-hold release",
        "legal-hold add",
        "legal-hold add",
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("add", *WHY), "give --user-id, --email or --phone-number"),
        (("add", "--email", "no address", *WHY), "email"),
        (("add", "--user-id", "u-2", "--reason", "spite", "--because", "x"), "litigation"),
        (("add", "--user-id", "u-2", "--reason", "litigation"), "--because"),
        (("add", "--user-id", "u-2", "--reason", "litigation", "--because", "ann@private.example"), "names a person"),
        (("add", "--user-id", "u-2", *WHY, "--until", "soon"), "--until must be a moment"),
        (("add", "--user-id", "u-2", *WHY, "--until", "2020-01-01"), "until has passed"),
        (
            ("add", "--user-id", "u-2", *WHY, "--until", "9999-12-31"),
            "--until must lie between the years 1900 and 3000",
        ),
        (("release", "7"), "there is no legal hold 7 in force"),
        (("release", "x"), "ID"),
    ],
)
def test_what_cannot_be_done_is_told_and_changes_nothing(stack: Engine, given: tuple[str, ...], said: str) -> None:
    refused = consent("legal-hold", *given)
    assert (refused.exit_code, refused.stdout) == (2, ""), refused.output
    assert said in refused.stderr
    assert "ann@private.example" not in refused.output
    assert consent("legal-hold", "list", "--ended").stdout == "there was no legal hold\n"
