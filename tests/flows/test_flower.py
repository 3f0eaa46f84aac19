"""Flower shows operators the work: what each delivery came to, which vendors are held; to those with the password, and
without a way to change anything."""

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from local.sandbox import Sandbox
from tests.flows.conftest import Stack
from tests.flows.test_whole_stack import MakePeople, as_lines, submitted
from tests.web.console.conftest import PASSWORD, Browser

pytestmark = pytest.mark.xdist_group("stack")  # those that share stacks share a process

SOON_S = 60.0


@pytest.fixture
def flower(stack: Stack) -> Iterator[httpx.Client]:
    """A client with the password that the stack made."""
    password = (stack.data / "flower.password").read_text().strip()
    address = f"http://127.0.0.1:{stack.environment['CONSENT_FLOWER_PORT']}"
    with httpx.Client(base_url=address, auth=("consent", password), timeout=30) as client:
        yield client


def tasks(flower: httpx.Client) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = flower.get("/api/tasks").raise_for_status().json()
    return list(found.values())


def until(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + SOON_S
    while not (it := found()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return it


def test_a_vendor_in_trouble_is_seen_in_the_list_of_tasks_and_with_the_workers(
    stack: Stack, vendors: Sandbox, people: MakePeople, flower: httpx.Client
) -> None:
    everybody = people("flower", 40)
    vendors.seed(everybody)
    vendors.call("PUT", "/faults", {"preset": "none", "dfinery": {"unavailable": 1.0}})
    try:
        done = stack.run("submit", "-", "--kind", "erasure", stdin=as_lines(everybody))
        request = done.stdout.strip()

        def of_ours(vendor: str) -> list[dict[str, Any]]:
            named = (one for one in tasks(flower) if one["name"] == f"deliver {vendor}")
            return [one for one in named if request in one["args"]]

        trouble = until(lambda: [one for one in of_ours("dfinery") if "retry 40 (" in (one["result"] or "")])
        assert trouble[0]["args"].startswith("dfinery, chunk ")
        assert f"40 people, request {request}" in trouble[0]["args"]
        assert "dfinery: " in until(lambda: told_of_trouble(stack.run("status", request).stderr))
        watched = stack.run("watch", request, "--json", "--wait-s", "0").stdout.splitlines()
        last = json.loads(watched[-1])
        assert "server_error" in (last["held"] | last["failing"])["dfinery"]
        page = until(lambda: told_of_trouble(overview(stack)))
        assert re.search(r"(Failing|Held): server error", page)
        fine = until(lambda: [one for one in of_ours("algonomy") if "accepted 40" in (one["result"] or "")])
        assert fine[0]["state"] == "SUCCESS"
        until(lambda: [one for one in held_by_worker(flower) if "since 20" in one.get("dfinery", "")])
    finally:
        vendors.call("PUT", "/faults", {"preset": "mild"})
    assert {one["name"].split()[0] for one in tasks(flower)} <= {"deliver", "verify"}
    assert stack.run("watch", request).returncode in (0, 1)


def told_of_trouble(said: str) -> str:
    """What is said, where it says that a vendor fails or is held."""
    return said if re.search(r"\b(failing|held)\b", said, re.IGNORECASE) else ""


def overview(stack: Stack) -> str:
    """The console's first page, as a new user sees it."""
    name = f"user-{uuid4().hex[:8]}"
    stack.run("user", "add", name, "--role", "reader", stdin=PASSWORD + "\n")
    with httpx.Client(base_url=stack.api_url, timeout=120) as client:
        browser = Browser(client, stack.api_url)
        assert browser.post("/sign-in", on="/sign-in", name=name, password=PASSWORD, next="/").status_code == 303
        return browser.get("/").text


def held_by_worker(flower: httpx.Client) -> list[dict[str, str]]:
    workers = flower.get("/api/workers", params={"refresh": "true"}).raise_for_status().json()
    return [one["stats"].get("held_vendors", {}) for one in workers.values() if "stats" in one]


def test_nothing_that_flower_shows_is_personal(
    stack: Stack, vendors: Sandbox, people: MakePeople, flower: httpx.Client
) -> None:
    everybody = people("flower-secret", 20) + people("flower-secret", 2, "poison-")
    vendors.seed(everybody)
    request = submitted(stack, everybody, "erasure", "--wait")
    until(lambda: [one for one in tasks(flower) if request in one["args"]])
    pages = ["/", "/tasks", "/broker", "/metrics", "/api/tasks", "/api/workers?refresh=true", "/api/queues/length"]
    workers = flower.get("/api/workers").json()
    pages += [f"/worker/{name}" for name in workers]
    pages += [f"/task/{one['uuid']}" for one in tasks(flower)[:20]]
    shown = "".join(until(lambda page=page: seen(flower, page)) for page in pages)
    hidden = {str(value) for person in everybody for value in json.loads(json.dumps(person)).values()}
    assert not [value for value in hidden if value in shown]


def seen(flower: httpx.Client, page: str) -> str:
    """A page; nothing where it is not found yet: a busy worker may answer Flower late."""
    answer = flower.get(page)
    return "" if answer.status_code == httpx.codes.NOT_FOUND else answer.raise_for_status().text


FORBIDDEN = [
    "worker/shutdown/{worker}",
    "worker/pool/restart/{worker}",
    "worker/pool/grow/{worker}",
    "worker/pool/shrink/{worker}",
    "worker/pool/autoscale/{worker}",
    "worker/queue/add-consumer/{worker}",
    "worker/queue/cancel-consumer/{worker}",
    "task/apply/consent.settle",
    "task/async-apply/consent.settle",
    "task/send-task/consent.settle",
    "task/abort/{task}",
    "task/timeout/consent.settle",
    "task/rate-limit/consent.settle",
    "task/revoke/{task}",
]


def test_nothing_can_be_changed(flower: httpx.Client) -> None:
    worker = next(iter(until(lambda: flower.get("/api/workers?refresh=true").json())))
    for path in FORBIDDEN:
        here = path.format(worker=worker, task="0190a000-0000-7000-8000-00000000abcd")
        answer = flower.post(f"/api/{here}", params={"n": 1, "min": 1, "max": 2, "queue": "x", "workername": worker})
        assert answer.status_code == 403, (path, answer.status_code)
    assert flower.get("/api/workers", params={"status": "true"}).json()[worker] is True
    page = flower.get(f"/worker/{worker}").text
    assert "Shut Down" not in page
    assert flower.get("/api/workers?refresh=true").json().keys() >= {worker}


@pytest.mark.parametrize("page", ["/", "/tasks", "/api/tasks", "/api/workers", "/broker", "/metrics"])
def test_nobody_looks_without_the_password(flower: httpx.Client, page: str) -> None:
    for wrong in (None, ("consent", "consent"), ("consent", ""), ("admin", "admin")):
        assert httpx.get(flower.base_url.join(page), auth=wrong).status_code == 401, wrong


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:5555", "localhost.evil.example", ""])
def test_a_page_of_another_name_gets_nothing(flower: httpx.Client, host: str) -> None:
    assert flower.get("/api/tasks", headers={"Host": host}).status_code in (400, 421)


def test_the_password_is_on_no_command_line_and_in_no_log(stack: Stack, flower: httpx.Client) -> None:
    password = (stack.data / "flower.password").read_text().strip()
    assert flower.get("/api/workers").status_code == 200
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if readable(path)]
    assert len(lines) > 3
    assert not any(password.encode() in line for line in lines)
    logs = [path.read_text() for path in (stack.data / "logs").glob("*")] + [(stack.folder / "up.log").read_text()]
    assert not any(password in log for log in logs)


def readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:  # it has ended
        return False
    return True
