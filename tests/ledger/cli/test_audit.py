"""`consent audit`, and that each deed at the command line is in it, against a real PostgreSQL."""

import json
import os
from typing import Any

import pytest
from sqlalchemy import Engine, text

from cli import attention
from cli.os_user import who
from ledger.accounts import audit, guesses
from ledger.accounts.audit import Entry
from ledger.keys import fingerprinter
from ledger.sealing import MasterKeys
from tests.ledger.cli.test_attention import ended, refused
from tests.ledger.cli.test_commands import people, stack
from tests.ledger.command_line import consent

__all__ = ["people", "stack"]

AN_ID = "123e4567-e89b-42d3-a456-426614174000"
PASSWORD = "correct horse battery"


def entries(*args: str) -> list[dict[str, Any]]:
    result = consent("audit", *args, "--json")
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)["entries"]
    return found


def done(*args: str) -> list[tuple[str, str | None]]:
    return [(entry["action"], entry["target"]) for entry in entries(*args)][::-1]


def ran(*args: str, stdin: str | None = None) -> str:
    result = consent(*args, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def test_each_deed_to_a_request_is_in_the_log(stack: Engine, people: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = ended(stack, people, "exhausted", "busy", "--vendors", "insider")
    unreachable = ended(stack, people, "unreachable", "no_identifier", "--vendors", "insider")
    before = len(entries())
    because = ("--because", "we were told so")
    ran("retry", waits)
    ran("extend", waits, "--months", "1", *because)
    ran("accept", unreachable, *because)
    ran("cancel", waits)
    ran("export", waits)
    again = ended(stack, people, "exhausted", "busy", "--vendors", "insider")
    ran("close", again, "--vendor", "insider", *because)
    monkeypatch.setenv("CONSENT_MAX_SUBJECTS_UNCONFIRMED", "1")
    large = ran("submit", people, "--kind", "erasure")
    assert "someone else must" in refused("confirm", large)
    ran("confirm", large, "--yes")
    assert done()[before:] == [
        ("retry", waits),
        ("extend", waits),
        ("accept", unreachable),
        ("cancel", waits),
        ("export", waits),
        ("submit", again),
        ("close", again),
        ("submit", large),
        ("confirm", large),
        ("confirm", large),
    ]
    yes, no = entries("--action", "confirm")
    assert (yes["allowed"], no["allowed"], "someone else must" in no["because"]) == (True, False, True)
    assert {entry["by"] for entry in entries()} == {who()}
    refused("cancel", AN_ID)
    refused("retry", large, "--vendor", "nowhere")
    assert len(entries()) == before + 10  # what was not done is not there


def test_each_deed_to_the_stack_is_in_the_log(stack: Engine) -> None:
    ran("lookup", "--email", "jane@private.example", "--user-id", "u-77")
    ran("lookup", "-", stdin='{"phone_number": "+821012345678"}')
    ran("vendor", "hold", "insider")
    ran("vendor", "resume", "insider")
    ran("vendor", "resume", "insider", "--step", "attributes")
    ran("vendor", "off", "insider")
    ran("vendor", "on", "insider")
    ran("vendor", "retire", "dfinery", "--because", "the contract has ended")
    with stack.begin() as connection:
        connection.execute(text("INSERT INTO webhooks (name, style, host) VALUES ('crm', 'standard', 'crm.example')"))
    ran("webhook", "off", "crm")
    ran("webhook", "on", "crm")
    ran("webhook", "retry")
    ran("webhook", "retry", "crm")
    ran("user", "add", "ann", "--role", "reader", "--no-password")
    ran("user", "owner", "ann", "--owner", "anna", "--os-user", "A.Smith")
    ran("user", "password", "ann", stdin=f"{PASSWORD}\n")
    ran("user", "password", "ann", "--no-password")
    ran("user", "unlock", "ann")
    ran("user", "disable", "ann")
    ran("user", "enable", "ann")
    made = json.loads(ran("keys", "create", "laptop", "--role", "operator", "--owner", "ann", "--json"))
    ran("keys", "owner", made["prefix"], "bob")
    ran("keys", "revoke", made["prefix"])
    assert done() == [
        ("lookup", None),
        ("lookup", None),
        ("vendor hold", "insider"),
        ("vendor resume", "insider"),
        ("vendor resume", "insider"),
        ("vendor off", "insider"),
        ("vendor on", "insider"),
        ("vendor retire", "dfinery"),
        ("webhook off", "crm"),
        ("webhook on", "crm"),
        ("webhook retry", None),
        ("webhook retry", "crm"),
        ("user add", "ann"),
        ("user owner", "ann anna cli:A.Smith"),
        ("user password", "ann"),
        ("user password", "ann"),
        ("user unlock", "ann"),
        ("user disable", "ann"),
        ("user enable", "ann"),
        ("keys create", f"laptop {made['prefix']}"),
        ("keys owner", f"{made['prefix']} bob"),
        ("keys revoke", made["prefix"]),
    ]
    by_mail, by_number = entries("--action", "lookup")[::-1]
    assert (by_mail["because"], by_number["because"]) == ("by user_id, email", "by phone_number")
    assert not any(value in str(entries()) for value in ("jane", "u-77", "8210"))


def test_reading_leaves_nothing(stack: Engine, people: str) -> None:
    request_id = ran("submit", people, "--kind", "erasure")
    for command in (
        ("status", request_id),
        ("attention",),
        ("vendor", "list"),
        ("webhook", "list"),
        ("keys", "list"),
        ("user", "list"),
        ("audit",),
        ("migrate",),  # which had nothing to do
    ):
        consent(*command)
    assert done() == [("submit", request_id)]


def test_the_log_is_filtered_and_read_page_by_page(stack: Engine, people: str) -> None:
    first, second = (ran("submit", people, "--kind", "erasure") for _ in range(2))
    ran("cancel", first)
    ran("vendor", "hold", "insider")
    other = f"{who().removeprefix('cli:')}-too"
    with stack.begin() as connection:
        audit.add(
            connection, [Entry(f"user:{other}", "POST /v1/vendors/{name}/hold", allowed=False, source="192.0.2.7")]
        )
    everything = done()
    assert [action for action, _ in everything] == [
        "submit", "submit", "cancel", "vendor hold", "POST /v1/vendors/{name}/hold",
    ]  # fmt: skip
    assert done("--request", first) == [("submit", first), ("cancel", first)]
    assert done("--request", second) == [("submit", second)]
    assert [one["by"] for one in entries("--by", other)] == [f"user:{other}"]
    assert done("--by", who()) == everything[:4]
    assert len(done("--action", "Vendor Hold")) == 2
    assert done("--since", "2999-01-01T00:00:00Z") == done("--until", "2020-01-01T00:00:00+09:00") == []
    pages, before = [], ()
    for _ in range(3):
        told = json.loads(consent("audit", "--limit", "2", *before, "--json").stdout)
        pages.append([entry["action"] for entry in told["entries"]])
        before = ("--before", str(told["next"]))
    assert [action for page in pages for action in page] == [action for action, _ in everything[::-1]]
    assert told["next"] is None
    table = consent("audit", "--limit", "2")
    assert "192.0.2.7" in table.stdout
    assert "--before" in table.stderr
    assert "no such entry" in consent("audit", "--by", "nobody").stdout
    for wrong in (("--limit", "1001"), ("--since", "yesterday"), ("--request", "x"), ("--before", "0")):
        assert consent("audit", *wrong).exit_code == 2


def test_a_user_without_a_password_is_told_what_is_missing(stack: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    added = consent("user", "add", "ann@shop.example", "--role", "reader", "--no-password")
    assert (added.exit_code, "CONSENT_OIDC__" in added.stderr) == (0, True)
    monkeypatch.setenv("CONSENT_PASSWORD_LOGIN", "false")
    added = consent("user", "add", "bob", "--role", "reader", stdin=f"{PASSWORD}\n")
    assert (added.exit_code, "CONSENT_PASSWORD_LOGIN" in added.stderr) == (0, True)
    assert "passwords are switched off" in consent("doctor").stdout
    users = json.loads(consent("user", "list", "--json").stdout)["users"]
    assert [(user["name"], user["provider_only"]) for user in users] == [("ann@shop.example", True), ("bob", False)]


def test_a_user_is_unlocked(stack: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    ran("user", "add", "ann", "--role", "reader", stdin=f"{PASSWORD}\n")
    assert "not locked" in ran("user", "unlock", "ann")
    with stack.begin() as connection:
        prints = fingerprinter(connection, MasterKeys.parse(os.environ["CONSENT_MASTER_KEYS"]))
        for _ in range(guesses.FREE + 1):
            guesses.attempt(connection, prints.print_of(b"account", b"ann"))
    assert ran("user", "unlock", "ann") == "ann may try again"
    assert "no user of this name" in refused("user", "unlock", "nobody")
    with stack.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM guesses")).scalar_one() == 0


def test_owners_are_names_of_persons(stack: Engine) -> None:
    for arguments, told in (
        (("keys", "create", "x", "--role", "reader", "--owner", "Jane Doe"), "--owner"),
        (("user", "add", "x", "--role", "reader", "--no-password", "--owner", "-"), "--owner"),
        (("user", "add", "x", "--role", "reader", "--no-password", "--os-user", "cli:x"), "--os-user"),
        (("user", "owner", "x"), "--owner"),
        (("user", "owner", "x", "--owner", "ann"), "no user of this name"),
        (("keys", "owner", "0123456789ab", "ann"), "no key of this prefix"),
    ):
        assert told in refused(*arguments)
    assert entries() == []
    made = consent("keys", "create", "x", "--role", "reader", "--owner", "ann")
    assert "there is no user ann yet" in made.stderr
    assert json.loads(consent("keys", "list", "--json").stdout)["keys"][0]["owner"] == "ann"


def test_another_account_of_the_submitter_does_not_confirm(
    stack: Engine, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = who().removeprefix("cli:")
    ran("user", "add", "ann", "--role", "operator", "--no-password", "--os-user", me)
    monkeypatch.setenv("CONSENT_MAX_SUBJECTS_UNCONFIRMED", "5")
    small, large = (ran("submit", people, "--kind", "erasure") for _ in range(2))
    states = [json.loads(ran("status", one, "--json"))["status"] for one in (small, large)]
    assert states == ["running", "unconfirmed"]  # three people each: together more than five
    for account in ("user:ann", "key:ann", f"user:{me}"):
        monkeypatch.setattr(attention, "who", lambda account=account: account)
        assert "someone else must" in refused("confirm", large)
    monkeypatch.setattr(attention, "who", lambda: "user:bob")
    ran("confirm", large)
