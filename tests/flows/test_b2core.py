"""B2CORE on the whole stack: pages of contacts, deletions that take a while across a killed stack, tokens that end."""

import json
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from local.sandbox import Sandbox
from tests.flows.conftest import Stack
from tests.flows.test_whole_stack import submitted

pytestmark = pytest.mark.xdist_group("stack")  # those that share stacks share a process

MakePeople = Callable[..., list[dict[str, Any]]]
TAKES_S = 10.0


def records(stack: Stack, request_id: str) -> list[dict[str, Any]]:
    lines = stack.run("export", request_id, "--format", "ndjson").stdout.splitlines()
    return [json.loads(line) for line in lines]


def held(vendors: Sandbox) -> list[Any]:
    return [fact for fact in vendors.facts() if fact["vendor"] == "b2core"]


def test_an_erasure_that_is_done_has_left_nothing_at_b2core(
    special_stack: Stack, vendors: Sandbox, people: MakePeople
) -> None:
    stack = special_stack
    faults = {"pending_s": TAKES_S, "contacts_page": 7, "token_life_s": 3.0}
    vendors.call("PUT", "/faults", {"preset": "none", "b2core": faults})
    everybody = people("a", 4, "manycontacts-") + people("b", 4, "latecontact-") + people("c", 4, "pending-")
    vendors.seed(everybody)

    request_id = submitted(stack, everybody, "erasure", "--vendors", "b2core")
    deadline = time.monotonic() + 60
    while sum(fact["deletions"] for fact in held(vendors)) < len(everybody):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    time.sleep(2.0)  # what was taken is on record within a second
    stack.down(signal.SIGKILL)
    stack.up("--no-web")
    ended = stack.run("watch", request_id)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert [(fact["exists"], fact["contacts"], fact["deletions"]) for fact in held(vendors)] == [(False, [], 1)] * 12
    assert {record["outcome"] for record in records(stack, request_id)} <= {"accepted", "verified"}
    assert all(record["attempts"] == 1 for record in records(stack, request_id) if record["outcome"] == "accepted")
    assert all("contacts of the profile were deleted" in record["done"] for record in records(stack, request_id))
    condition = vendors.call("GET", "/state/b2core")
    assert condition["calls_with_an_expired_token"] == 0
    assert condition["tokens_issued"] >= 2
    assert vendors.violations() == []
