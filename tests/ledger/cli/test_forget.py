"""`consent forget`, and what the other commands say afterwards."""

import json

from sqlalchemy import Engine

from tests.ledger.cli.test_commands import people, settle, stack, submitted
from tests.ledger.command_line import consent

__all__ = ["people", "stack"]

BECAUSE = ("--because", "asked for")


def test_a_request_is_forgotten_and_the_commands_say_so(stack: Engine, people: str) -> None:
    request_id = submitted(people)
    refused = consent("forget", request_id, *BECAUSE)
    assert (refused.exit_code, "cancel it first" in refused.stderr) == (2, True), refused.output
    settle(stack, request_id)
    assert request_id in consent("lookup", "--user-id", "u-2").stdout
    assert "forgotten_at" not in json.loads(consent("status", request_id, "--json").stdout)
    named = consent("forget", request_id, "--because", "bob@example.org asked")
    assert (named.exit_code, "bob@" in named.output) == (2, False)
    told = json.loads(consent("forget", request_id, *BECAUSE, "--json").stdout)
    assert told["request_id"] == request_id
    assert json.loads(consent("forget", request_id, *BECAUSE, "--json").stdout) == told, "twice changes nothing"
    assert "no request" in consent("lookup", "--user-id", "u-2").stdout
    status = json.loads(consent("status", request_id, "--json").stdout)
    assert status["forgotten_at"] == told["forgotten_at"]
    assert status["vendors"]["insider"]["accepted"] == 3
    exported = consent("export", request_id)
    assert len(exported.stdout.splitlines()) == 1 + 9
    assert all("people are forgotten since" in consent(reads, request_id).stderr for reads in ("status", "export"))
    assert "forgotten since" in consent("retry", request_id).stderr
    assert json.loads(consent("answer", request_id, "--format", "json").stdout)["forgotten"]
    assert "forgotten" in consent("answer", request_id, "--line", "1").stderr
    entries = json.loads(consent("audit", "--request", request_id, "--json").stdout)["entries"]
    assert "forget" in [entry["action"] for entry in entries]
