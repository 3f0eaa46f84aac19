"""Values of any size are read from Redis in bounded memory, by clients of threads and of event loops alike."""

import tracemalloc
from collections.abc import Awaitable, Callable

import pytest
from redis import Redis, RedisError

from tasks import bounded_answers
from tasks.redis_connections import connect, connect_async
from tests.redis_servers import saying

MOST = 1_000_000
HELD = 5_000_000
Ask = Callable[..., Awaitable[object]]


async def by_thread(url: str, *command: str) -> list[object]:
    with connect(url) as client:
        return [client.execute_command(*command), client.ping()]


async def by_loop(url: str, *command: str) -> list[object]:
    client = connect_async(url)
    try:
        return [await client.execute_command(*command), await client.ping()]
    finally:
        await client.aclose()


@pytest.mark.parametrize("ask", [by_thread, by_loop])
async def test_a_gigantic_value_passes_and_is_not_kept(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    monkeypatch.setattr(bounded_answers, "LARGEST_ANSWER", MOST)
    redis.execute_command("SETRANGE", "gigantic", 40_000_000, "x")
    tracemalloc.start()
    try:
        answers = await ask(redis_url, "GET", "gigantic")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answers == [bounded_answers.TOO_LARGE, True]
    assert most < HELD


@pytest.mark.parametrize("ask", [by_thread, by_loop])
async def test_values_before_and_behind_a_gigantic_one_are_read_as_they_are(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    monkeypatch.setattr(bounded_answers, "LARGEST_ANSWER", 100)
    values = [b"a", b"x" * 101, b"b" * 100, b"x" * 200_000, b"x" * 65_534, b"", b"c"]
    redis.rpush("values", *values)
    shown = [value if len(value) <= 100 else bounded_answers.TOO_LARGE for value in values]
    assert await ask(redis_url, "LRANGE", "values", "0", "-1") == [shown, True]


@pytest.mark.parametrize("ask", [by_thread, by_loop])
@pytest.mark.parametrize(
    "junk",
    [
        b"HTTP/1.1 400 Bad Request",
        b"$abc",
        b"*x",
        b":1.5",
        b"*1\r\n" * 5_000 + b":1",
        b"+" + b"x" * 200_000,
    ],
    ids=lambda junk: repr(junk[:9]),
)
async def test_junk_is_a_redis_that_cannot_be_used(ask: Ask, junk: bytes) -> None:
    with saying(junk) as url:
        if junk.startswith(b"+") and ask is by_thread:
            assert await ask(url, "GET", "x") == [junk[1:], True]  # which its parser reads, as long as it is
            return
        with pytest.raises(RedisError):
            await ask(url, "GET", "x")
