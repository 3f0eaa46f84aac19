"""Whole stack: a small erasure at Insider looks first, creates nobody, and changes both profiles of a person."""

import csv
import io
import json
from typing import Any

import pytest

from domain.requests import Kind
from local.compare import is_in_effect, made_by_us
from local.sandbox import Sandbox
from tests.flows.conftest import Stack

pytestmark = pytest.mark.xdist_group("stack")  # those that share stacks share a process


def rows(stack: Stack, request_id: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(stack.run("export", request_id).stdout)))


def submitted(stack: Stack, people: list[dict[str, Any]], *more: str) -> str:
    lines = "".join(json.dumps(person) + "\n" for person in people)
    done = stack.run("submit", "-", "--kind", "erasure", "--vendors", "insider", "--wait", *more, stdin=lines)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[0]


def test_nobody_is_made_and_every_profile_is_treated(stack: Stack, vendors: Sandbox) -> None:
    known = [{"user_id": f"apart-{n}", "email": f"apart-{n}@example.org"} for n in range(5)]
    unknown = [{"user_id": f"nobody-{n}", "email": f"nobody-{n}@example.org"} for n in range(5)]
    vendors.seed(known)
    told = rows(stack, submitted(stack, known + unknown))
    assert [row["outcome"] for row in told[5:]] == ["absent"] * 5
    assert {row["outcome"] for row in told[:5]} <= {"accepted", "verified"}
    assert {row["reason"] for row in told[:5]} == {"looked_up"}
    assert all("none was made" in row["done"] for row in told[:5])
    facts = [fact for fact in vendors.facts() if fact["vendor"] == "insider"]
    assert made_by_us(facts) == 0
    assert len(facts) == 10, "two profiles each"
    assert all(is_in_effect(Kind.ERASURE, fact) for fact in facts)
    assert vendors.violations() == []
    for bucket in vendors.call("GET", "/traffic")["insider"]["buckets"].values():
        assert bucket["densest_window"] <= bucket["limit"]
