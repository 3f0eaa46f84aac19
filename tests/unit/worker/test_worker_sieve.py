"""Only our own tasks pass, only from their own queue, and without anything that a stranger added."""

import json
from base64 import b64decode
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from celery.utils.time import maybe_iso8601
from celery.worker.control import Panel
from kombu.utils.json import dumps

from tasks.queues import CONTROL_QUEUE, DELIVER, DISPATCH, SETTLE, SUBMIT, VOLUMES, WakeUp, is_ours, queue_of
from tasks.refusals import Refusal
from tests.bad_messages import FALSE_LINE, MARK, dumped, encoded, envelope, junk
from worker.remote_control import obeyed
from worker.sieve import Sieve

VENDOR_QUEUE = queue_of("insider")
DISPATCH_QUEUE = WakeUp(DISPATCH, "insider").queue
GOOD = {CONTROL_QUEUE: (DISPATCH, ["insider"]), VENDOR_QUEUE: (DELIVER, [7]), DISPATCH_QUEUE: (DISPATCH, ["insider"])}


def deliver(chunk_id: int) -> None: ...
def dispatch(vendor: str, *others: str) -> None: ...
def nothing() -> None: ...


TASKS = {
    name: SimpleNamespace(run=run)
    for name, run in {
        DELIVER: deliver,
        DISPATCH: dispatch,
        SETTLE: nothing,
        VOLUMES: nothing,
        "celery.map": map,
    }.items()
}


@pytest.fixture
def refused() -> list[Refusal]:
    return []


@pytest.fixture
def sieve(refused: list[Refusal]) -> Sieve:
    return Sieve(lambda: TASKS, refused.append)


@pytest.mark.parametrize("queue", GOOD)
def test_every_kind_of_junk_is_refused_once_and_quoted_nowhere(
    sieve: Sieve, refused: list[Refusal], queue: str
) -> None:
    task, args = GOOD[queue]
    for name, item in junk(task, args, queue):
        assert sieve.task(queue, item) is None, name
        refusal = refused.pop()
        assert refused == [], name
        assert refusal.queue == queue
        assert MARK not in repr(refusal), name
        assert "\\n" not in repr(refusal), name


@pytest.mark.parametrize(
    ("queue", "task", "args"),
    [
        (CONTROL_QUEUE, DISPATCH, ["insider"]),
        (CONTROL_QUEUE, SETTLE, []),
        (CONTROL_QUEUE, VOLUMES, []),
        (VOLUMES, VOLUMES, []),
        (DISPATCH_QUEUE, DISPATCH, ["insider"]),
        (VENDOR_QUEUE, DELIVER, [7]),
        (VENDOR_QUEUE, DISPATCH, ["insider"]),
    ],
)
def test_our_own_tasks_pass_and_nothing_else_that_their_message_says(
    sieve: Sieve, refused: list[Refusal], queue: str, task: str, args: list[Any]
) -> None:
    said = dict.fromkeys(("shadow", "argsrepr", "kwargsrepr", "origin", "group", "parent_id", "stamps", "lang"), MARK)
    message = envelope(task, args, queue, **said, root_id=FALSE_LINE, eta=MARK, timelimit=[1, 1], retries=MARK)
    message["properties"] |= {"reply_to": MARK, "correlation_id": MARK, "delivery_tag": MARK, "priority": MARK}
    passed = sieve.task(queue, dumped(message))
    assert passed is not None
    assert refused == []
    assert MARK.encode() not in passed
    made = json.loads(passed)
    assert (made["headers"]["task"], made["headers"]["id"]) == (task, message["headers"]["id"])
    assert json.loads(b64decode(made["body"]))[:2] == [args, {}]
    assert made["properties"]["delivery_info"] == {"exchange": "", "routing_key": queue}
    assert UUID(made["properties"]["delivery_tag"])


@pytest.mark.parametrize(
    ("queue", "task", "args"),
    [
        (CONTROL_QUEUE, DELIVER, [7]),
        (CONTROL_QUEUE, SUBMIT, ["c2VhbGVk"]),
        (VENDOR_QUEUE, SETTLE, []),
        (VOLUMES, SETTLE, []),
        (SETTLE, DISPATCH, ["insider"]),
        (DISPATCH_QUEUE, DELIVER, [7]),
        (DISPATCH, DELIVER, [7]),
        (VENDOR_QUEUE, VOLUMES, []),
        (VENDOR_QUEUE, "celery.map", []),
        ("consent.submit", DISPATCH, ["insider"]),
    ],
)
def test_a_task_comes_by_its_own_queue_only(
    sieve: Sieve, refused: list[Refusal], queue: str, task: str, args: list[Any]
) -> None:
    assert sieve.task(queue, dumped(envelope(task, args, queue))) is None
    assert refused[0].because in {"a task of another queue", "no task of ours"}


@pytest.mark.parametrize("chunk_id", [True, "7", 7.0, None, 2**63, -(2**64), [7], {"a": 7}])
def test_a_chunk_is_a_number(sieve: Sieve, chunk_id: object) -> None:
    assert sieve.task(VENDOR_QUEUE, dumped(envelope(DELIVER, [chunk_id], VENDOR_QUEUE))) is None


@pytest.mark.parametrize(
    "vendor", ["in sider", "insider\n", "jane@x.org", "insider@", "@x", MARK, "\x00", "x" * 101, 7, None, ["insider"]]
)
def test_a_vendor_is_a_name(sieve: Sieve, vendor: object) -> None:
    assert sieve.task(CONTROL_QUEUE, dumped(envelope(DISPATCH, [vendor], CONTROL_QUEUE))) is None
    assert sieve.task(CONTROL_QUEUE, dumped(envelope(DISPATCH, ["insider", vendor], CONTROL_QUEUE))) is None


def test_a_vendor_may_be_an_account(sieve: Sieve) -> None:
    assert sieve.task(CONTROL_QUEUE, dumped(envelope(DISPATCH, ["insider@brand"], CONTROL_QUEUE))) is not None


def test_a_worker_can_tell_its_figures_which_show_the_options_of_the_broker(sieve: Sieve) -> None:
    assert dumps({"transport_options": {"sieve": sieve}}) == '{"transport_options": {"sieve": "sieve"}}'


def test_arguments_may_be_named(sieve: Sieve) -> None:
    message = envelope(DELIVER, [], VENDOR_QUEUE)
    message["body"] = encoded([[], {"chunk_id": 7}, None])
    assert sieve.task(VENDOR_QUEUE, dumped(message)) is not None


@pytest.mark.parametrize("expires", [7, MARK, "0001-01-01T00:00:00", "9999-12-31T23:59:59+00:00", [], True])
def test_an_odd_expiry_is_refused(sieve: Sieve, expires: object) -> None:
    assert sieve.task(CONTROL_QUEUE, dumped(envelope(DISPATCH, ["insider"], CONTROL_QUEUE, expires=expires))) is None


@pytest.mark.parametrize("expires", ["2026-05-25T00:00", "2026-05-25T02:00+02:00", "2026-05-25T00:00:59+00:00:59"])
def test_an_expiry_is_passed_on_in_utc_which_celery_can_read(sieve: Sieve, expires: str) -> None:
    item = sieve.task(CONTROL_QUEUE, dumped(envelope(DISPATCH, ["insider"], CONTROL_QUEUE, expires=expires)))
    assert item is not None
    assert maybe_iso8601(json.loads(item)["headers"]["expires"]) == datetime(2026, 5, 25, tzinfo=UTC)


def test_which_queues_are_the_workers() -> None:
    assert [is_ours(queue) for queue in (CONTROL_QUEUE, VENDOR_QUEUE, SETTLE, "x.reply.celery.pidbox")] == [
        True,
        True,
        True,
        False,
    ]


def command(body: Any, **headers: Any) -> bytes:
    message = envelope("", [], "celery.pidbox")
    return dumped({**message, "body": encoded(body), "headers": headers})


def commands(sieve: Sieve) -> Sieve:
    return Sieve(sieve._tasks, sieve._refused, lambda: {"ping": lambda state, **_: None, "revoke": revoke})


def revoke(state: object, task_id: str, terminate: bool = False) -> None: ...


HEADERS = {"clock": 7, "expires": 1_800_000_000.5}
REPLY_TO = {"exchange": "reply.celery.pidbox", "routing_key": "0b1c"}


@pytest.mark.parametrize(
    "body",
    [
        {"method": "ping", "arguments": {}, "destination": None, "pattern": None, "matcher": None},
        {"method": "ping", "destination": ["worker-1@host.example"], "ticket": "0b1c", "reply_to": REPLY_TO},
        {"method": "revoke", "arguments": {"task_id": "0b1c"}, "pattern": "worker-*", "matcher": "glob"},
    ],
)
def test_commands_of_celerys_pass(sieve: Sieve, refused: list[Refusal], body: Any) -> None:
    assert commands(sieve).is_command(command(body, **HEADERS))
    assert refused == []


@pytest.mark.parametrize(
    "body",
    [
        *([], 7, None, MARK, {}, [{"method": "ping"}]),
        {"method": 7},
        {"method": MARK},
        {"method": "ping", MARK: 1},
        {"method": "ping", "arguments": [MARK]},
        {"method": "ping", "arguments": {FALSE_LINE: 1}},
        {"method": "ping", "destination": MARK},
        {"method": "ping", "destination": [FALSE_LINE]},
        {"method": "ping", "pattern": "(", "matcher": "pcre"},
        {"method": "ping", "pattern": "x", "matcher": MARK},
        {"method": "ping", "pattern": ".*" * 50 + "X", "matcher": "pcre"},
        {"method": "ping", "ticket": {}},
        {"method": "ping", "reply_to": MARK},
        {"method": "ping", "reply_to": {**REPLY_TO, "exchange": ""}},
        {"method": "ping", "reply_to": {**REPLY_TO, "routing_key": [MARK]}},
        {"method": "revoke"},
        {"method": "revoke", "arguments": {"task_id": FALSE_LINE}},
        {"method": "revoke", "arguments": {"task_id": ["a", {"b": FALSE_LINE}]}},
        {"method": "revoke", "arguments": {"task_id": "a", MARK: 1}},
    ],
)
def test_what_is_no_command_is_refused(sieve: Sieve, refused: list[Refusal], body: Any) -> None:
    assert not commands(sieve).is_command(command(body, **HEADERS))
    assert MARK not in repr(refused)


def takes_anything(_state: object, **_arguments: object) -> None: ...


@pytest.mark.parametrize("name", sorted(Panel.meta))
def test_a_worker_obeys_commands_that_leave_it_as_it_was_and_no_others(sieve: Sieve, name: str) -> None:
    ours = Sieve(sieve._tasks, sieve._refused, lambda: obeyed(dict.fromkeys(Panel.data, takes_anything)))
    changes = Panel.meta[name].type == "control" and name not in {"enable_events", "heartbeat"}
    writes_files = name in {"memdump", "memsample", "objgraph"}
    assert ours.is_command(command({"method": name}, **HEADERS)) is not (changes or writes_files)


@pytest.mark.parametrize("headers", [{"clock": MARK}, {"clock": -1}, {"clock": []}, {"expires": MARK}, {"clock": True}])
def test_odd_headers_of_a_command_are_refused(sieve: Sieve, headers: dict[str, Any]) -> None:
    assert not commands(sieve).is_command(command({"method": "ping"}, **headers))


def test_junk_is_neither_a_command_nor_a_reply_where_kombu_cannot_read_it(sieve: Sieve) -> None:
    assert sieve.is_reply(command([{"type": "worker-heartbeat"}] * 5_000))
    for body in ("not base64!", "====", "c2VhbGVk"):
        message = {**envelope("", [], "x"), "body": body}
        assert not sieve.is_reply(dumped(message))
        assert not commands(sieve).is_command(dumped(message))
