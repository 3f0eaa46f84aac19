"""One Redis, in the form of address that each client needs."""

import pytest
from flower.utils.broker import Broker
from redis import Redis

from tasks.broker import Transport
from tasks.redis_connections import RedisAddress
from tasks.sending import sender

QUEUE = "greetings"


async def test_a_socket_is_found_by_celery_and_flower_under_one_address(redis_url: str) -> None:
    password = RedisAddress.parse(redis_url).password or "-"
    with Redis.from_url(redis_url) as redis:
        with sender(redis_url) as app, app.connection() as ours, app.pool.acquire() as pooled:
            for connection in (ours, pooled):
                assert password not in ours.as_uri()
                assert isinstance(connection.transport, Transport)
                connection.SimpleQueue(QUEUE).put("hello")
            flower = Broker(ours.as_uri(include_password=True))
            assert await flower.queues([QUEUE]) == [{"name": QUEUE, "messages": 2}]
        redis.delete(QUEUE)


@pytest.mark.parametrize("url", ["redis://:hush@127.0.0.1:6379/0", "rediss://u:hush@cache.example:6379/1"])
def test_any_other_address_is_the_same_for_all(url: str) -> None:
    assert RedisAddress.parse(url).broker_url == url
