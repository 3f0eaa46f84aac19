"""`consent fingerprint-key`, against a real PostgreSQL."""

import json
import os
from typing import Any

import pytest
from sqlalchemy import Engine

from ledger.master_keys import MissingKeyError
from ledger.requests.fingerprint_keys import replace
from ledger.sealing import MasterKeys, generate_master_key
from tasks.fingerprint_keys import go_on
from tests.ledger.cli.test_commands import people, stack, submitted
from tests.ledger.command_line import consent

__all__ = ["people", "stack"]


def status(ending: int = 0) -> list[dict[str, Any]]:
    result = consent("fingerprint-key", "status", "--json")
    assert result.exit_code == ending, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)["keys"]
    return found


def test_the_key_is_replaced_and_everybody_is_found(stack: Engine, people: str) -> None:
    assert status() == []
    assert "no fingerprint key yet" in consent("fingerprint-key", "status").stdout
    request_id = submitted(people, "--idempotency-key", "one")
    told = consent("fingerprint-key", "rotate", "--json")
    assert told.exit_code == 0, told.output
    done = json.loads(told.stdout)
    assert (done["reprinted"], done["unreadable"], done["resumed"]) == (3, 0, False)
    (new, old) = status()
    assert (new["key"], new["newest"], new["state"], new["needed"]) == (2, True, "in use", True)
    assert (old["key"], old["newest"], old["state"], old["needed"]) == (1, False, "kept", True)
    assert (old["suppression_entries"], old["until"], old["idempotency_keys"], old["legal_holds"]) == (0, None, 1, 0)
    assert "kept for the idempotency keys of 1 request" in consent("fingerprint-key", "status").stdout
    assert request_id in consent("lookup", "--user-id", "u-2").stdout
    assert "3 people fingerprinted anew" in consent("fingerprint-key", "rotate").stdout
    assert request_id in consent("lookup", "--user-id", "u-2").stdout
    assert "fingerprint-key rotate" in consent("audit").stdout


def test_while_a_master_key_is_missing_nobody_is_taken_for_unreadable(
    stack: Engine, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = os.environ["CONSENT_MASTER_KEYS"], generate_master_key()
    monkeypatch.setenv("CONSENT_MASTER_KEYS", f"{new},{old}")
    submitted(people)
    monkeypatch.setenv("CONSENT_MASTER_KEYS", f"{old},{new}")
    request_id = submitted(people, "--idempotency-key", "again")
    monkeypatch.setenv("CONSENT_MASTER_KEYS", new)
    refused = consent("fingerprint-key", "rotate")
    assert (refused.exit_code, "still needed and missing" in refused.stderr) == (2, True), refused.output
    assert [key["key"] for key in status()] == [1]
    with stack.begin() as connection:
        replace(connection, MasterKeys.parse(f"{new},{old}"))
    with pytest.raises(MissingKeyError):
        go_on(stack, MasterKeys.parse(new))
    monkeypatch.setenv("CONSENT_MASTER_KEYS", f"{new},{old}")
    done = json.loads(consent("fingerprint-key", "rotate", "--json").stdout)
    assert (done["reprinted"], done["unreadable"], done["resumed"]) == (6, 0, True)
    assert request_id in consent("lookup", "--user-id", "u-2").stdout
