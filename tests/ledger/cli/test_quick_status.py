"""`consent status` reads plain stacks without what it does not need, and tells the same as where it takes all of it."""

import json
import os
import subprocess
import sys
from uuid import UUID

import pytest
from sqlalchemy import Engine

from config.ledger_place import DUE_SOON_DAYS, find_ledger
from config.settings import Settings
from domain.outcomes import Outcome
from ledger.delivery import vendors
from tests.ledger.cli.test_commands import settle
from tests.ledger.cli.test_looking import stack, submitted
from tests.ledger.command_line import consent

__all__ = ["stack"]
CALLED = """
import sys
from local.entry import main

try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""
HEAVY = {
    *("adapters.registry", "alembic", "celery", "httpx", "kombu", "pydantic", "pydantic_core", "redis", "rich"),
    *("sqlalchemy", "typer"),
}


def called(*argv: str) -> tuple[str, set[str]]:
    """What a process says, and the packages that it has loaded."""
    done = subprocess.run(
        [sys.executable, "-c", CALLED, *argv], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, set(done.stderr.splitlines()[-1].split())


def thoroughly(request_id: str, *argv: str) -> tuple[int, str]:
    """How it ends and what is said where a setting has to be read with care."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("consent_regulation", "gdpr")  # names of settings are read in any case
        assert find_ledger() is None
        return told("status", request_id, *argv)


def told(*argv: str) -> tuple[int, str]:
    result = consent(*argv)
    return result.exit_code, result.output


def test_the_same_is_told_either_way(stack: Engine) -> None:
    held, done, called_so = submitted(), submitted("opt_out", 2), submitted("opt_in", 1, "--reference", "DSR 17")
    with stack.begin() as connection:
        vendors.hold(connection, "insider", "cli:ann")
    settle(stack, done, Outcome.UNREACHABLE)
    others = (str(UUID(int=7)), UUID(held).urn, UUID(held).hex.upper(), "no id", "")
    for request_id in (held, done, called_so, *others):
        assert find_ledger() is not None
        assert told("status", request_id) == thoroughly(request_id)
        assert told("status", request_id, "--json") == thoroughly(request_id, "--json")
    assert [told("status", one)[0] for one in others] == [2, 0, 0, 2, 2]
    assert "reference: DSR 17\n" in consent("status", called_so).output
    assert json.loads(consent("status", called_so, "--json").stdout)["reference"] == "DSR 17"
    assert json.loads(consent("status", held, "--json").stdout)["reference"] is None


def test_of_a_forgotten_request_the_same_is_told_too(stack: Engine) -> None:
    request_id = submitted()
    settle(stack, request_id)
    assert consent("forget", request_id, "--because", "asked for").exit_code == 0
    code, words = told("status", request_id)
    assert (code, words) == thoroughly(request_id)
    assert (code, "its people are forgotten since" in words) == (0, True), words


def test_a_setting_that_it_does_without_may_be_wrong(stack: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, called_so = submitted(), submitted("opt_in", 1, "--reference", "DSR 17")
    monkeypatch.setenv("CONSENT_PHONE_REGION", "Korea")
    assert consent("list").exit_code == 2
    assert consent("status", plain).exit_code == 0
    told = consent("status", called_so, "--json")
    assert (told.exit_code, json.loads(told.stdout)["request_id"]) == (0, called_so), told.output
    assert "without its reference" in told.stderr
    assert "CONSENT_PHONE_REGION" in told.stderr
    unknown = consent("status", str(UUID(int=7)))
    assert (unknown.exit_code, "there is no request of this id" in unknown.stderr) == (2, True), unknown.output


def test_without_postgresql_the_same_is_told_too(stack: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for address, ending in (("postgresql://u:topsecret@127.0.0.1:1/none", 3), ("mysql://u:topsecret@here/none", 2)):
        monkeypatch.setenv("CONSENT_DATABASE_URL", address)
        code, words = told("status", str(UUID(int=7)))
        assert (code, words) == thoroughly(str(UUID(int=7)))
        assert (code, "topsecret" in words) == (ending, False), words


def test_a_status_loads_nothing_that_it_does_without(stack: Engine) -> None:
    request_id = submitted()
    said, loaded = called("status", request_id, "--json")
    assert json.loads(said)["vendors"] == {"dfinery": {"pending": 1}, "insider": {"pending": 1}}
    assert loaded & HEAVY == set()
    assert {"ledger", "psycopg"} <= loaded
    settle(stack, request_id, Outcome.ACCEPTED)
    said, loaded = called("status", request_id)
    assert "insider, in one of these ways" in said  # what was done there
    assert loaded & HEAVY == {"rich"}


def test_what_a_quick_look_takes_for_unset_is_what_is_set_then() -> None:
    assert Settings.model_fields["due_soon_days"].default == DUE_SOON_DAYS
    assert find_ledger({"CONSENT_DATABASE_URL": "postgresql://x/y", "CONSENT_DUE_SOON_DAYS": "2"}) == (
        "postgresql://x/y",
        2.0,
    )
    for odd in (
        {"CONSENT_DUE_SOON_DAYS": "soon"},
        {"CONSENT_DUE_SOON_DAYS": "91"},
        {"CONSENT_DATABASE_POOLER": "transaction"},
        {"CONSENT_DATABASE_OWNER_URL": "postgresql://owner@x/y"},
        {"Consent_Data_Dir": os.sep},
    ):
        assert find_ledger({"CONSENT_DATABASE_URL": "postgresql://x/y", **odd}) is None
    assert "x" not in repr(find_ledger({"CONSENT_DATABASE_URL": "x"}))
