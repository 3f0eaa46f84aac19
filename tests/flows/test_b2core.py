"""B2CORE on the whole stack: pages of contacts, deletions that take a while across a killed stack, tokens that end."""

import json
import signal
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from config.settings import Settings
from config.stack import find_stack
from local.sandbox import Sandbox
from tests.flows.conftest import Stack
from tests.flows.test_whole_stack import submitted

pytestmark = pytest.mark.xdist_group("stack")  # those that share stacks share a process

MakePeople = Callable[..., list[dict[str, Any]]]
TAKES_S = 10.0


def records(stack: Stack, request_id: str) -> list[dict[str, Any]]:
    lines = stack.run("export", request_id, "--format", "ndjson").stdout.splitlines()
    return [json.loads(line) for line in lines]


def recorded(stack: Stack) -> int:
    """Of how many people the ledger knows that their profile was deleted, or is being deleted."""
    url = find_stack(Settings(data_dir=stack.data)).database_url
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        row = connection.execute(RECORDED).fetchone()
    assert row is not None
    return int(row[0])


RECORDED = """
    WITH newest AS (SELECT max(id) AS request_id FROM requests)
    SELECT (SELECT count(*) FROM outcomes JOIN newest USING (request_id))
        + (SELECT COALESCE(sum(jsonb_array_length(each -> 3)), 0)
           FROM chunks JOIN newest USING (request_id), jsonb_array_elements(setbacks) AS each
           WHERE each -> -1 ->> 'step' = 'gone')
"""
"""Of the newest request: people with an outcome, and people whose deletion is asked about again."""


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
    while recorded(stack) < len(everybody):  # what the vendor took is on record soon
        assert time.monotonic() < deadline
        time.sleep(0.2)
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
