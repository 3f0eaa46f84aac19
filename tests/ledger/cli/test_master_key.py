"""`consent master-key`, against a real PostgreSQL."""

import json
import os
from typing import Any

import pytest
from sqlalchemy import Engine

from ledger.sealing import MasterKeys, generate_master_key
from tests.ledger.cli.test_commands import people, stack, submitted
from tests.ledger.command_line import consent

__all__ = ["people", "stack"]


def status(ending: int = 0) -> dict[str, Any]:
    result = consent("master-key", "status", "--json")
    assert result.exit_code == ending, result.output
    return {row.pop("key"): row for row in json.loads(result.stdout)["keys"]}


def ids(*keys: str) -> list[str]:
    return [one.hex() for one in MasterKeys.parse(",".join(keys)).ids]


def test_a_master_key_is_changed_for_a_new_one(stack: Engine, people: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = os.environ["CONSENT_MASTER_KEYS"], generate_master_key()
    (old_id, new_id) = ids(old, new)
    request_id = submitted(people)
    monkeypatch.setenv("CONSENT_MASTER_KEYS", f"{new},{old}")
    nothing = {"data_keys": 0, "drafts": 0, "fingerprint_key": False}
    everything = {"data_keys": 1, "drafts": 0, "fingerprint_key": True}
    assert status() == {
        new_id: {"given": True, "newest": True, "given_up": False, "may_go": False} | nothing,
        old_id: {"given": True, "newest": False, "given_up": False, "may_go": False} | everything,
    }
    monkeypatch.setenv("CONSENT_MASTER_KEYS", new)
    assert status(1)[old_id] == {"given": False, "newest": False, "given_up": False, "may_go": False} | everything
    refused = consent("master-key", "rotate")
    assert (refused.exit_code, "not the keys of this ledger" in refused.stderr) == (2, True), refused.stderr
    assert f"needs {old_id}:" in refused.stderr, "so somebody who put the new one in its place knows what to do"
    monkeypatch.setenv("CONSENT_MASTER_KEYS", f"{new},{old}")
    done = json.loads(consent("master-key", "rotate", "--json").stdout)
    assert (done["rewrapped"], done["done"]) == (2, True)
    assert status() == {
        new_id: {"given": True, "newest": True, "given_up": False, "may_go": False} | everything,
        old_id: {"given": True, "newest": False, "given_up": False, "may_go": True} | nothing,
    }
    assert "may be removed" in consent("master-key", "status").stdout
    monkeypatch.setenv("CONSENT_MASTER_KEYS", new)
    assert list(status()) == [new_id]
    assert request_id in consent("lookup", "--user-id", "u-2").stdout


def test_a_key_that_is_lost_can_be_given_up_unless_nobody_would_be_found(
    stack: Engine, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = os.environ["CONSENT_MASTER_KEYS"], generate_master_key()
    (old_id, _) = ids(old, new)
    submitted(people)
    because = ("--because", "the old key burned")
    monkeypatch.setenv("CONSENT_MASTER_KEYS", f"{new},{old}")
    assert consent("master-key", "give-up", old_id, *because).exit_code == 2, "it is not lost"
    monkeypatch.setenv("CONSENT_MASTER_KEYS", new)
    assert "fingerprint key" in consent("master-key", "give-up", old_id, *because).stderr
    monkeypatch.setenv("CONSENT_MASTER_KEYS", f"{new},{old}")
    assert consent("master-key", "rotate").exit_code == 0
    monkeypatch.setenv("CONSENT_MASTER_KEYS", f"{old},{new}")
    submitted(people, "--idempotency-key", "again")
    monkeypatch.setenv("CONSENT_MASTER_KEYS", new)
    assert "still needed and missing: " + old_id in consent("doctor").stdout
    told = consent("master-key", "give-up", old_id, *because, "--json")
    assert json.loads(told.stdout) == {"key": old_id, "unreadable_requests": 1}
    assert "still needed" not in consent("doctor").stdout
    assert status()[old_id]["given_up"]
    assert json.loads(consent("master-key", "rotate", "--json").stdout)["done"]


def test_a_status_is_told_though_the_reference_cannot_be_read(
    stack: Engine, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_id = submitted(people, "--reference", "DSR 17")
    assert "reference: DSR 17" in consent("status", request_id).stdout
    monkeypatch.setenv("CONSENT_MASTER_KEYS", generate_master_key())
    told = consent("status", request_id, "--json")
    assert (told.exit_code, json.loads(told.stdout)["reference"]) == (0, None)
    assert "cannot be read with these master keys" in told.stderr


@pytest.mark.parametrize("key", ["nonsense", "0011223344556677"])
def test_a_key_that_there_is_not_cannot_be_given_up(stack: Engine, key: str) -> None:
    assert consent("master-key", "give-up", key, "--because", "lost").exit_code == 2
