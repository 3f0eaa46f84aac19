"""A producer that sends all day keeps its connections, shares them among threads, and makes broken ones anew."""

import json
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor

import pytest
from kombu.exceptions import OperationalError
from redis import Redis

from intake.producer import Producer, send
from tasks.queues import SUBMIT_QUEUE
from tasks.sealed import ProducerKeys, generate_producer_key

SECRET = "hunter2-hunter2"


@pytest.fixture
def keys() -> ProducerKeys:
    return ProducerKeys.parse(generate_producer_key())


def connections(redis: Redis) -> int:
    return int(redis.info("stats")["total_connections_received"])


def opened(redis: Redis, keys: ProducerKeys) -> list[int]:
    found = []
    for item in redis.lrange(SUBMIT_QUEUE, 0, -1):
        (sealed,), _, _ = json.loads(b64decode(json.loads(item)["body"]))
        found.append(json.loads(keys.open(sealed))["number"])
    return sorted(found)


def test_many_messages_go_over_one_connection(redis: Redis, redis_url: str, keys: ProducerKeys) -> None:
    with Producer(public_key=keys.public or "", redis_url=redis_url) as producer:
        producer.send({"number": 0})
        before = connections(redis)
        ids = {producer.send({"number": number}) for number in range(1, 50)}
        after = connections(redis)

    assert len(ids) == 49
    assert after - before <= 1
    assert opened(redis, keys) == list(range(50))


def test_threads_share_a_producer(redis: Redis, redis_url: str, keys: ProducerKeys) -> None:
    with (
        Producer(public_key=keys.public or "", redis_url=redis_url) as producer,
        ThreadPoolExecutor(4) as threads,
    ):
        before = connections(redis)
        list(threads.map(lambda number: producer.send({"number": number}), range(40)))
        made = connections(redis) - before

    assert opened(redis, keys) == list(range(40))
    assert made < 40


def test_a_connection_that_broke_is_made_anew(redis: Redis, redis_url: str, keys: ProducerKeys) -> None:
    with Producer(public_key=keys.public or "", redis_url=redis_url) as producer:
        producer.send({"number": 1})
        redis.client_kill_filter(_type="normal", skipme=True)
        producer.send({"number": 2})

    assert opened(redis, keys) == [1, 2]


def test_an_address_and_a_key_that_cannot_be_used_are_refused_at_once_and_not_shown(keys: ProducerKeys) -> None:
    for given in ({"public_key": SECRET}, {"redis_url": f"amqp://:{SECRET}@host"}):
        with pytest.raises(ValueError) as told:  # noqa: PT011 - the message is ours, and checked
            Producer(**{"public_key": keys.public or "", "redis_url": "redis://127.0.0.1:1/0", **given})
        assert SECRET not in str(told.value)
    assert repr(Producer(public_key=keys.public or "", redis_url=f"redis://:{SECRET}@127.0.0.1:1/0")) == "Producer()"


def test_a_redis_that_is_away_is_told(keys: ProducerKeys) -> None:
    with pytest.raises(OperationalError):
        send({"number": 1}, public_key=keys.public or "", redis_url="redis://127.0.0.1:1/0")
