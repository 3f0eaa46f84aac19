"""Real requests through real workers to the sandbox's vendors: the ledger agrees with what the vendors hold."""

import csv
import io
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import httpx
import psutil
import pytest

from adapters.registry import OURS
from domain.requests import Kind
from ledger.desk.reports import Row
from local.compare import disagreements
from local.sandbox import Sandbox
from tests.flows.conftest import Stack

pytestmark = pytest.mark.xdist_group("stack")  # those that share stacks share a process

MakePeople = Callable[..., list[dict[str, Any]]]
VENDORS = set(OURS)


def as_lines(people: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(person) + "\n" for person in people)


def submitted(stack: Stack, people: list[dict[str, Any]], kind: str, *more: str) -> str:
    done = stack.run("submit", "-", "--kind", kind, *more, stdin=as_lines(people))
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.strip()


def exported(stack: Stack, request_id: str) -> list[Row]:
    rows = csv.DictReader(io.StringIO(stack.run("export", request_id).stdout))
    return [
        Row(
            int(row["line"]),
            int(row["file_line"]) if row["file_line"] else None,
            row["vendor"],
            row["outcome"],
            row["reason"] or None,
            int(row["attempts"]),
            datetime.fromisoformat(row["settled_at"]) if row["settled_at"] else None,
        )
        for row in rows
    ]


@pytest.mark.parametrize("kind", [Kind.ERASURE, Kind.OPT_OUT])
def test_every_delivery_is_what_the_vendor_holds(
    stack: Stack, vendors: Sandbox, people: MakePeople, kind: Kind
) -> None:
    ordinary = people("plain", 40)
    troubled = people("bad", 3, "poison-") + people("gone", 3, "expired-") + people("busy", 2, "busy-")
    everybody = ordinary + troubled
    vendors.seed(everybody)

    request_id = submitted(stack, [*everybody, ordinary[0]], kind.value, "--wait")

    rows = exported(stack, request_id)
    assert Counter((row.line, row.vendor) for row in rows) == Counter(
        (line, vendor) for line in range(1, len(everybody) + 1) for vendor in VENDORS
    ), "one row for every person and vendor, and none for the repeated line"
    assert disagreements(kind, rows, [person["user_id"] for person in everybody], vendors.facts()) == []
    assert vendors.violations() == []
    fine = {(row.vendor, row.outcome) for row in rows if row.line <= len(ordinary)}
    opted_out_at_b2core = ("b2core", "not_applicable") if kind is Kind.OPT_OUT else ("b2core", "accepted")
    seen_at_once = ("akinon", "verified")
    others = VENDORS - {"akinon", "b2core"}
    assert fine == {(vendor, "accepted") for vendor in others} | {opted_out_at_b2core, seen_at_once}
    poisoned = {
        row.vendor for row in rows if len(ordinary) < row.line <= len(ordinary) + 3 and row.outcome == "refused"
    }
    assert poisoned >= {"insider", "dfinery", "algonomy", "akinon"}
    expired = [row for row in rows if row.vendor == "akinon" and len(ordinary) + 3 < row.line <= len(ordinary) + 6]
    assert [(row.outcome, row.reason) for row in expired] == [("needs_action", "session_expired")] * 3
    status = json.loads(stack.run("status", request_id, "--json").stdout)
    assert status["status"] == "completed_with_exceptions"
    assert status["subjects"] == len(everybody)
    assert all(sum(counts.values()) == len(everybody) for counts in status["vendors"].values())


def test_killed_workers_and_a_killed_stack_lose_nobody(stack: Stack, vendors: Sandbox, people: MakePeople) -> None:
    everybody = people("crash", 150)
    vendors.seed(everybody)
    request_id = submitted(stack, everybody, "erasure")
    assert stack.process is not None
    workers = []
    for child in psutil.Process(stack.process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # one that has ended, and is a zombie until it is waited for
            workers += [child] if "worker" in child.cmdline() else []
    assert len(workers) >= 2
    for worker in workers:
        worker.kill()
    stack.down(signal.SIGKILL)
    stack.up()

    ended = stack.run("watch", request_id)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    rows = exported(stack, request_id)
    assert len(rows) == len(everybody) * len(VENDORS)
    assert disagreements(Kind.ERASURE, rows, [one["user_id"] for one in everybody], vendors.facts()) == []


def test_up_stops_everything_it_started_and_leaves_nothing_personal_in_redis_logs_or_files(
    stack: Stack, vendors: Sandbox, people: MakePeople
) -> None:
    everybody = people("secretive", 20) + people("secretive", 2, "poison-")
    vendors.seed(everybody)
    submitted(stack, everybody, "erasure", "--wait")
    submitted(stack, everybody, "opt_out", "--wait")
    key = stack.run("keys", "create", "shop", "--role", "submitter").stdout.strip()
    with httpx.Client(base_url=stack.api_url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as api:
        body = {"kind": "opt_in", "subjects": everybody}
        place = api.post("/v1/requests", json=body).raise_for_status().headers["location"]
        assert api.post("/v1/requests", json={**body, "kind": "secretive"}).status_code == 422
        assert api.get("/v1/secretive-1", params={"email": "secretive"}).status_code == 404
        deadline = time.monotonic() + 60
        while api.get(place).json()["status"] == "running":
            assert time.monotonic() < deadline
            time.sleep(0.2)
    assert stack.process is not None
    started = psutil.Process(stack.process.pid).children(recursive=True)
    assert len(started) >= 7

    assert stack.down() == 0

    _, alive = psutil.wait_procs(started, timeout=10)
    assert alive == []
    told = [
        path
        for path in stack.data.rglob("*")
        if path.is_file() and os.access(path, os.R_OK) and b"secretive" in path.read_bytes()
    ]

    assert told == []
