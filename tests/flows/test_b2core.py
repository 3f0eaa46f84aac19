"""B2CORE on the whole stack: pages of contacts, deletions that take a while across a killed stack, tokens that end."""

import json
import signal
import time
from collections.abc import Callable
from typing import Any

from local.sandbox import Sandbox
from sandbox.vendors.b2core import B2CoreAccount
from tests.flows.conftest import Stack
from tests.flows.test_deliveries import submitted

MakePeople = Callable[..., list[dict[str, Any]]]
TAKES_S = 25.0


def records(stack: Stack, request_id: str) -> list[dict[str, Any]]:
    lines = stack.run("export", request_id, "--format", "ndjson").stdout.splitlines()
    return [json.loads(line) for line in lines]


def held(vendors: Sandbox) -> list[Any]:
    return [fact for fact in vendors.facts() if fact["vendor"] == "b2core"]


def test_an_erasure_that_is_done_has_left_nothing_at_b2core(stack: Stack, vendors: Sandbox, people: MakePeople) -> None:
    account = B2CoreAccount()
    del stack.environment["CONSENT_B2CORE__TOKEN"]
    stack.environment["CONSENT_B2CORE__CLIENT_ID"] = account.client_id
    stack.environment["CONSENT_B2CORE__CLIENT_SECRET"] = account.client_secret
    stack.environment["CONSENT_LEASE_S"] = "5"
    stack.environment["CONSENT_VERIFY_AFTER_S"] = "1"
    stack.down()
    faults = {"pending_s": TAKES_S, "contacts_page": 7, "token_life_s": 3.0}
    vendors.call("PUT", "/faults", {"preset": "none", "b2core": faults})
    stack.up()
    everybody = people("a", 4, "manycontacts-") + people("b", 4, "latecontact-") + people("c", 4, "pending-")
    vendors.seed(everybody)

    request_id = submitted(stack, everybody, "erasure", "--vendors", "b2core")
    deadline = time.monotonic() + 60
    while sum(fact["deletions"] for fact in held(vendors)) < len(everybody):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    time.sleep(2.0)  # what was taken is on record within a second
    stack.down(signal.SIGKILL)
    stack.up()
    ended = stack.run("watch", request_id)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert [(fact["exists"], fact["contacts"], fact["deletions"]) for fact in held(vendors)] == [(False, [], 1)] * 12
    assert {record["outcome"] for record in records(stack, request_id)} <= {"accepted", "verified"}
    assert all(record["attempts"] == 1 for record in records(stack, request_id) if record["outcome"] == "accepted")
    assert all("contacts of the profile were deleted" in record["done"] for record in records(stack, request_id))
    condition = vendors.call("GET", "/state/b2core")
    assert condition["calls_with_an_expired_token"] == 0
    assert condition["tokens_issued"] >= 3
    assert vendors.violations() == []
