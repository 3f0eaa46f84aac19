"""While the memory of Redis is full, workers and beat continue; others are told that it accepts nothing."""

import asyncio
import logging
from collections.abc import Iterator
from importlib import import_module

import pytest
from kombu import Queue
from kombu.exceptions import OperationalError
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import OutOfMemoryError, ReadOnlyError

from adapters.contract import Rate
from tasks.broker import BrokerConnection
from tasks.queues import CONTROL_QUEUE, DISPATCH, BrokerError, WakeUp
from tasks.redis_connections import broker_settings
from tasks.sending import send, sender
from tests.ledger.conftest import Desk
from tests.ledger.worker.test_worker_transport import Listener, good
from worker.throttle import Lanes
from worker.turns import Turns


@pytest.fixture
def redis(redis: Redis) -> Iterator[Redis]:
    """It may be made full, or a replica."""
    before = redis.config_get("maxmemory")["maxmemory"]
    yield redis
    redis.replicaof("NO", "ONE")
    redis.config_set("maxmemory", before)


def fill(redis: Redis) -> None:
    redis.config_set("maxmemory", 1)
    with pytest.raises(OutOfMemoryError):
        redis.set("more", "")


@pytest.mark.parametrize("known", [True, False])
def test_permits_are_granted_and_limits_kept(redis: Redis, redis_url: str, *, known: bool) -> None:
    async def ask() -> None:
        async with AsyncRedis.from_url(redis_url) as client:
            lanes = Lanes.open(client, "insider", {"": 6_000.0})
            if known:
                await lanes.take(Rate())
            fill(redis)
            assert await lanes.take(Rate()) == 1.0
            assert await lanes.book(Rate(), 3, 60.0) is not None
            await lanes.correct("", 1.0, 3.0)
            await lanes.pause("", 60.0)

    asyncio.run(ask())
    kept = redis.hgetall("consent:throttle:insider")
    assert {b"tat", b"booked", b"debt", b"resume"} <= kept.keys()
    assert redis.pttl("consent:throttle:insider") > 0


def test_turns_are_taken_and_it_is_told_once(
    desk: Desk, redis: Redis, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    start = desk.tools({}).start

    async def client() -> AsyncRedis:
        return AsyncRedis.from_url(redis_url)

    one, other = (Turns(start(client()).result(60), start, name) for name in ("one@here", "two@there"))
    fill(redis)
    assert one.take("look", 600.0)
    assert not other.take("look", 600.0)
    assert one.take("else", 0.5)
    assert redis.pttl("consent:turn:else") <= 500
    redis.config_set("maxmemory", 0)
    assert one.take("third", 600.0)
    told = [record.levelname for record in caplog.records if record.name == "worker.turns"]
    assert told == ["WARNING", "WARNING", "INFO"], "of two workers, and of one that has asked since"
    redis.replicaof("127.0.0.1", "1")
    with pytest.raises(BrokerError):
        one.take("fourth", 600.0)


def test_a_worker_connects_and_hears_what_lies_there(redis: Redis, redis_url: str) -> None:
    redis.lpush(CONTROL_QUEUE, good("a"))
    fill(redis)
    listener = Listener(redis_url, must_write=True)
    listener.listen(Queue(CONTROL_QUEUE))
    listener.drain(until=1)
    listener.connection.release()
    assert [heard.payload[0] for heard in listener.heard] == [["a"]]


def test_workers_and_beat_wake_each_other_and_nobody_else_adds_to_it(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSENT_REDIS_URL", redis_url)
    small = import_module("worker.bystanders").app
    assert small.conf.broker_url == broker_settings(redis_url)["broker_url"], "one Redis a test session"
    fill(redis)
    wake_up = WakeUp(DISPATCH, "insider")
    with sender(redis_url) as app, pytest.raises(BrokerError):
        send(app, [wake_up])
    for _ in range(3):
        send(small, [wake_up])
    assert redis.llen(wake_up.queue) == 1
    assert redis.ttl(wake_up.queue) == -1
    with small.connection_for_write() as connection, pytest.raises((OperationalError, OutOfMemoryError)):
        connection.default_channel._put("elsewhere", {"properties": {}})


def test_one_that_takes_no_write_for_another_reason_is_not_worked_with(redis: Redis, redis_url: str) -> None:
    redis.replicaof("127.0.0.1", "1")
    with pytest.raises(ReadOnlyError):
        redis.set("more", "")
    settings = broker_settings(redis_url, must_write=True)
    where, options = settings["broker_url"], settings["broker_transport_options"]
    with BrokerConnection(where, transport_options=options) as connection, pytest.raises(OperationalError):
        connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
