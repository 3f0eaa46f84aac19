"""Shops of every sort at Akinon, on the whole stack: older ones, a token told elsewhere, a code by SMS."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from domain.requests import Kind
from local.compare import disagreements
from local.sandbox import Sandbox
from tests.flows.conftest import Stack
from tests.flows.test_whole_stack import as_lines, exported, submitted

pytestmark = pytest.mark.xdist_group("stack")  # those that share stacks share a process

Person = dict[str, Any]
MakePeople = Callable[..., list[Person]]


def without_token(person: Person) -> Person:
    name = person["user_id"]
    return {**person, "vendors": {"akinon": {"session_id": f"s-{name}"}}}


def test_shops_of_every_sort_are_reached(stack: Stack, vendors: Sandbox, people: MakePeople) -> None:
    marks = ("older-", "nocookie-", "tokencookie-", "stalecsrf-")
    everybody = [person for mark in marks for person in people("shop", 2, mark)] + people("plain", 2)
    required = people("shop", 2, "required-")
    vendors.seed([*everybody, *required])
    given = [without_token(person) if "cookie" in person["user_id"] else person for person in everybody]

    request_id = submitted(stack, [*given, *required], "erasure", "--vendors", "akinon", "--wait")

    rows = exported(stack, request_id)
    assert [(row.outcome, row.reason) for row in rows[: len(everybody)]] == [("verified", None)] * len(everybody)
    assert [(row.outcome, row.reason) for row in rows[len(everybody) :]] == [("refused", "rejected")] * len(required)
    names = [person["user_id"] for person in [*everybody, *required]]
    assert disagreements(Kind.ERASURE, rows, names, vendors.facts()) == []
    assert vendors.violations() == []


def test_nobody_gets_a_second_code_however_often_it_is_tried(
    special_stack: Stack, vendors: Sandbox, people: MakePeople
) -> None:
    stack = special_stack
    vendors.call("PUT", "/faults", {"preset": "none"})  # a lost answer would leave it uncertain whether a code was sent
    (person,) = people("shop", 1, "loyalty-")
    vendors.seed([person])
    request_id = submitted(stack, [person], "opt_out", "--vendors", "akinon", "--wait")

    def state() -> tuple[str, str | None, int]:
        (row,) = csv.DictReader(io.StringIO(stack.run("export", request_id).stdout))
        (fact,) = [fact for fact in vendors.facts() if fact["vendor"] == "akinon"]
        return row["outcome"], row["reason"] or None, fact["codes_sent"]

    def provide(number: int, **block: str) -> None:
        session = {"session_id": f"fresh-{number}", "csrf_token": f"token-{number}"}
        vendors.call("POST", "/vendors/akinon/sessions", {"user_id": person["user_id"], **session})
        fresh = {"user_id": person["user_id"], "vendors": {"akinon": {**session, **block}}}
        done = stack.run("provide", request_id, "-", stdin=as_lines([fresh]))
        assert done.returncode == 0, done.stderr
        stack.run("watch", request_id)

    assert state() == ("needs_action", "code_sent", 1)
    provide(1)
    assert state() == ("needs_action", "code_sent", 1)
    provide(2, code="000000")
    assert state() == ("needs_action", "code_refused", 1)
    provide(3)
    assert state() == ("needs_action", "code_sent", 1)
    provide(4, code="123456")
    assert state() == ("verified", None, 1)
    assert json.loads(stack.run("status", request_id, "--json").stdout)["status"] == "completed"
    assert vendors.violations() == []
