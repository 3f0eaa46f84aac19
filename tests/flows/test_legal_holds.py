"""A legal hold on the whole stack: what destroys data of its person is withheld by real workers, and sent once."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from local.sandbox import Sandbox
from tests.flows.conftest import Stack
from tests.flows.test_whole_stack import submitted

pytestmark = pytest.mark.xdist_group("stack")  # those that share stacks share a process

MakePeople = Callable[..., list[dict[str, Any]]]
AT = ("--vendors", "algonomy,insider,dfinery")
WHY = ("--reason", "litigation", "--because", "case 12")


def outcomes(stack: Stack, request_id: str) -> dict[tuple[str, int], tuple[str, str | None]]:
    rows = map(json.loads, stack.run("export", request_id, "--format", "ndjson").stdout.splitlines())
    return {(row["vendor"], row["line"]): (row["outcome"], row["reason"]) for row in rows}


def withheld(stack: Stack, request_id: str) -> set[tuple[str, int]]:
    return {place for place, ended in outcomes(stack, request_id).items() if ended == ("withheld", "litigation")}


def test_who_is_kept_is_withheld_and_goes_out_when_released(stack: Stack, vendors: Sandbox, people: MakePeople) -> None:
    vendors.call("PUT", "/faults", {"preset": "none"})
    everybody = people("kept", 3)
    vendors.seed(everybody)
    kept = everybody[0]["user_id"]
    hold = stack.run("legal-hold", "add", "--user-id", kept, *WHY).stdout.strip()

    opt_out = submitted(stack, everybody, "opt_out", *AT)
    assert stack.run("watch", opt_out).returncode == 1
    assert withheld(stack, opt_out) == {("algonomy", 1)}, "it removes the history there"
    erasure = submitted(stack, everybody, "erasure", *AT)
    assert stack.run("watch", erasure).returncode == 1
    assert withheld(stack, erasure) == {("algonomy", 1), ("insider", 1), ("dfinery", 1)}
    erased = {(fact["vendor"], fact["user_id"]) for fact in vendors.facts() if fact["in_effect"]["erasure"]}
    assert not {vendor for vendor, user_id in erased if user_id == kept}
    assert {vendor for vendor, user_id in erased if user_id != kept} == {"algonomy", "insider", "dfinery"}

    assert stack.run("legal-hold", "release", hold).returncode == 0
    deadline = time.monotonic() + 60
    while withheld(stack, erasure) or withheld(stack, opt_out):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert stack.run("watch", erasure).returncode == 0
    done = {fact["vendor"] for fact in vendors.facts() if fact["user_id"] == kept and fact["in_effect"]["erasure"]}
    assert done == {"algonomy", "insider", "dfinery"}
    assert {ended for ended, _ in outcomes(stack, erasure).values()} <= {"accepted", "verified", "absent"}
