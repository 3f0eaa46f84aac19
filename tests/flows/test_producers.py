"""A producer's request from the broker to its webhook, through real processes, with no identifier in the broker."""

import json
import re
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from celery import Celery
from celery.events import EventReceiver
from redis import Redis
from redis.exceptions import NoPermissionError
from sqlalchemy import text
from standardwebhooks.webhooks import Webhook

from intake.producer import send
from ledger.session import connect
from tasks.queues import SUBMIT, SUBMIT_QUEUE
from tasks.sealed import ProducerKeys, generate_producer_key
from tasks.sending import sender
from tests.flows.conftest import Stack
from tests.flows.receiver import SECRET, Receiver

pytestmark = pytest.mark.xdist_group("stack")  # those that share stacks share a process

PAGE = (Path(__file__).parents[2] / "docs/producers.md").read_text("utf-8")
JANE = {"user_id": "jane-doe-1", "email": "jane@private.example", "phone_number": "+821012345678"}
REQUEST = {"kind": "opt_out", "subjects": [JANE], "vendors": ["insider"], "submitted_by": "shop"}
IDENTIFIERS = ("jane", "private.example", "821012345678")


def everything_in(redis_url: str) -> str:
    """Every key and value that Redis holds, as text."""
    with Redis.from_url(redis_url) as redis:
        held = [(key, redis.type(key), redis.dump(key)) for key in redis.scan_iter()]
        lists = [redis.lrange(key, 0, -1) for key, kind, _ in held if kind == b"list"]
        hashes = [redis.hgetall(key) for key, kind, _ in held if kind == b"hash"]
    return repr((held, lists, hashes))


def test_the_broker_holds_nothing_of_a_sealed_request(redis_url: str) -> None:
    keys = ProducerKeys.parse(generate_producer_key())
    send(REQUEST, public_key=str(keys.public), redis_url=redis_url)
    with Redis.from_url(redis_url) as redis:
        (message,) = redis.lrange(SUBMIT_QUEUE, 0, -1)
        held = everything_in(redis_url)
        redis.delete(SUBMIT_QUEUE)
    assert json.loads(message)["headers"]["argsrepr"] == "(sealed)"
    assert SUBMIT in held
    for identifier in IDENTIFIERS:
        assert identifier not in held
        assert b64encode(identifier.encode()).decode()[:-4] not in held


def test_the_redis_users_of_the_page_can_push_and_cannot_read(redis_url: str) -> None:
    keys = ProducerKeys.parse(generate_producer_key())
    by_hand, by_celery = (line for line in PAGE.splitlines() if line.startswith("ACL SETUSER"))
    recipe = next(block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "lpush" in block)
    values = {"PUBLIC_KEY_BYTES": b64decode(str(keys.public)), "REQUEST": REQUEST}
    with Redis.from_url(redis_url) as redis:
        for line in (by_hand, by_celery):
            redis.execute_command(*line.split())
        own = urlsplit(redis_url)
        shop, crm = (urlunsplit(own._replace(netloc=f"{user}:password@")) for user in ("shop", "crm"))
        exec(compile(recipe, "docs/producers.md", "exec"), {**values, "REDIS_URL": shop})  # noqa: S102 - our own page
        send(REQUEST, public_key=str(keys.public), redis_url=crm)
        messages = [json.loads(raw) for raw in redis.lrange(SUBMIT_QUEUE, 0, -1)]
        for url in (shop, crm):
            with Redis.from_url(url) as producer, pytest.raises(NoPermissionError):
                producer.lrange(SUBMIT_QUEUE, 0, -1)
        redis.execute_command("ACL", "DELUSER", "shop", "crm")
        redis.delete(SUBMIT_QUEUE)
    assert [message["headers"]["task"] for message in messages] == [SUBMIT, SUBMIT]


def eventually(found: Any, seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return value


def test_a_sealed_request_is_delivered_and_told_of_and_a_plain_one_refused_unseen(
    special_stack: Stack, posts: Receiver
) -> None:
    stack, came = special_stack, posts.came
    with ExitStack() as stopping:
        services = json.loads((stack.data / "stack.json").read_text())
        public = stack.run("producer-key").stdout.strip()
        seen: list[Any] = []
        broker = stopping.enter_context(sender(services["redis_url"]))
        stopping.enter_context(watching(broker, seen))
        eventually(lambda: seen)
        send(REQUEST, public_key=public, redis_url=services["redis_url"])
        eventually(lambda: len(came) == 2)
        told = [Webhook(SECRET).verify(body, headers) for headers, body in came]
        assert [one["data"]["status"] for one in told] == ["running", "completed"]
        # The sandbox holds nobody: a small request looks first, and creates no profile.
        assert told[1]["data"]["vendors"] == {"insider": {"pending": 0, "absent": 1}}

        by_hand = next(block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "lpush" in block)
        values = {"PUBLIC_KEY_BYTES": b64decode(public), "REQUEST": REQUEST, "REDIS_URL": services["redis_url"]}
        exec(compile(by_hand, "docs/producers.md", "exec"), values)  # noqa: S102 - our own page
        eventually(lambda: len(came) == 4)

        # A producer that has not read the documentation sends this. Celery would show it in its events, unless
        # prevented.
        broker.send_task(SUBMIT, args=[REQUEST], queue=SUBMIT_QUEUE)
        engine = connect(services["database_url"])
        with engine.connect() as connection:
            log = "SELECT because FROM audit_entries WHERE NOT allowed"
            assert eventually(lambda: connection.execute(text(log)).scalars().all()) == [
                "not sealed: not a text; seal it to what `consent producer-key` prints (docs/producers.md)"
            ]
        engine.dispose()
        assert not [event for event in seen if event.get("name") == SUBMIT], "no worker sees them"
        logs = "".join(path.read_text() for path in (stack.data / "logs").iterdir())
        for identifier in IDENTIFIERS:
            assert identifier not in repr(seen) + logs + everything_in(services["redis_url"])


@contextmanager
def watching(app: Celery, seen: list[Any]) -> Iterator[None]:
    """Gather the workers' events, as Flower does."""
    with app.connection_for_read() as connection:
        receiver = EventReceiver(connection, handlers={"*": seen.append}, app=app)
        thread = threading.Thread(target=receiver.capture, kwargs={"limit": None})
        thread.start()
        try:
            yield
        finally:
            receiver.should_stop = True
            thread.join(10)
