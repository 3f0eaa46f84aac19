"""Whatever lies in the workers' queues, and whatever comes over their channels: they live, and process valid
messages."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import psycopg
import pytest
from redis import Redis

from tasks.queues import CONTROL_QUEUE, DELIVER, DISPATCH, WakeUp, queue_of
from tests.bad_messages import FALSE_LINE, MARK, dumped, encoded, envelope, junk
from tests.flows.conftest import Stack

pytestmark = pytest.mark.xdist_group("stack")  # those that share stacks share a process

WITHIN_S = 90.0
QUEUES = {
    CONTROL_QUEUE: (DISPATCH, ["insider"]),
    WakeUp(DISPATCH, "insider").queue: (DISPATCH, ["insider"]),
    queue_of("insider"): (DELIVER, [7]),
}
PIDBOX = "/0.celery.pidbox"
REFUSED = "SELECT deed, count(*) FROM audit_entries WHERE NOT allowed GROUP BY 1"


def eventually(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def workers(stack: Stack) -> dict[int, float]:
    """The processes of the stack that matter here, by id, with the moment at which each began."""
    assert stack.process is not None
    words = {"worker", "beat", "take-in"}
    children = psutil.Process(stack.process.pid).children()
    return {child.pid: child.create_time() for child in children if words & set(child.cmdline())}


def commands() -> Iterator[bytes]:
    """What may come over the channel of remote control: junk, commands that are none, odd arguments, and commands that
    would change a worker."""
    yield from (item for _, item in junk("ping", [], "celery.pidbox"))
    bodies: list[Any] = [
        [],
        7,
        MARK,
        {},
        {"method": 7},
        {"method": FALSE_LINE},
        {"method": "ping", "arguments": [MARK]},
        {"method": "ping", "destination": 7},
        {"method": "ping", "pattern": "(", "matcher": "pcre"},
        {"method": "ping", "reply_to": MARK, "ticket": {}},
        {"method": "ping", "reply_to": {"exchange": 7}},
        {"method": "ping", MARK: MARK},
        {"method": "ping", "pattern": ".*" * 50 + "X", "matcher": "pcre"},
        {"method": "shutdown"},
        {"method": "cancel_consumer", "arguments": {"queue": queue_of("insider")}},
        {"method": "rate_limit", "arguments": {"task_name": DELIVER, "rate_limit": "1/h"}},
        {"method": "pool_shrink", "arguments": {"n": 1_000}},
    ]
    for body in bodies:
        message = envelope("ping", [], "celery.pidbox")
        yield dumped({**message, "body": encoded(body)})
        yield dumped({**message, "body": encoded(body), "headers": {"clock": MARK, "expires": MARK}})


@pytest.fixture
def redis(stack: Stack) -> Iterator[Redis]:
    address = json.loads((stack.data / "stack.json").read_text())["redis_url"]
    with Redis.from_url(address) as client:
        yield client


@pytest.fixture
def ledger(stack: Stack) -> Iterator[psycopg.Connection]:
    address = json.loads((stack.data / "stack.json").read_text())["database_url"]
    with psycopg.connect(address.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection


def test_the_processes_live_and_what_is_good_is_served(
    stack: Stack, redis: Redis, ledger: psycopg.Connection, people: Callable[..., list[dict[str, Any]]]
) -> None:
    logs = {path: len(path.read_text()) for path in (stack.data / "logs").iterdir()}
    before = workers(stack)
    assert len(before) == 4
    pushed = {}
    for queue, (task, args) in QUEUES.items():
        items = [item for _, item in junk(task, args, queue)]
        redis.lpush(queue, *items)
        pushed[queue] = len(items)
    for command in commands():
        redis.publish(PIDBOX, command)
    for place in ("unacked", "unacked_index"):
        redis.set(place, MARK)
    eventually(lambda: {name: n for name, n in ledger.execute(REFUSED) if name in pushed} == pushed)
    redis.delete(CONTROL_QUEUE)
    redis.set(queue_of("insider"), MARK)
    eventually(lambda: redis.type(queue_of("insider")) != b"string")

    lines = "".join(json.dumps(person) + "\n" for person in people("good", 3))
    done = stack.run("submit", "-", "--kind", "opt_out", "--vendors", "insider", "--wait", "--json", stdin=lines)
    assert done.returncode in {0, 1}, done.stderr
    assert workers(stack) == before
    told = "".join(path.read_text()[begun:] for path, begun in logs.items())
    assert MARK not in told
    assert "Traceback" not in told
    assert MARK not in repr(ledger.execute("SELECT * FROM audit_entries").fetchall())
