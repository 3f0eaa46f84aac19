"""Rate limit by principal: in one process, over several web processes, and while Redis is away."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisAwayError

from intake.access import shared_rate_limit
from intake.access.rate_limit import Pace, Quota, Rate
from intake.access.shared_rate_limit import SharedPace

SLOW = Rate.of(1.5)
"""So slow that no token comes back while a test runs."""


async def key_of(who: str) -> str:
    return f"consent:rate:{who[::-1]}"


@pytest.fixture
async def process(redis_url: str) -> AsyncIterator[Callable[[Rate], SharedPace]]:
    """Makes the pace of one more web process."""
    opened: list[SharedPace] = []

    def open_(rate: Rate) -> SharedPace:
        opened.append(SharedPace(rate, Redis.from_url(redis_url), key_of))
        return opened[-1]

    yield open_
    async with Redis.from_url(redis_url) as redis:
        async for key in redis.scan_iter("consent:rate:*"):
            await redis.delete(key)
    for one in opened:
        await one.close()


async def asked(paces: list[SharedPace], times: int, who: str = "key:shop") -> list[Quota]:
    return [await pace.take(who) for _ in range(times) for pace in paces]


async def test_one_limit_over_all_processes(process: Callable[[Rate], SharedPace]) -> None:
    rate = Rate(SLOW.per_s, 20)
    quotas = await asked([process(rate) for _ in range(4)], 10)
    assert sum(not one.wait_s for one in quotas) == 20
    assert all(0 < one.wait_s <= 41 and one.left == 0 for one in quotas if one.wait_s)
    others = await asked([process(rate)], 5, "key:crm")
    assert not any(one.wait_s for one in others)


async def test_many_at_once_in_one_process(process: Callable[[Rate], SharedPace]) -> None:
    paces = [process(Rate(SLOW.per_s, 50)) for _ in range(2)]
    quotas = await asyncio.gather(*(pace.take("key:shop") for _ in range(60) for pace in paces))
    assert sum(not one.wait_s for one in quotas) == 50


async def test_a_busy_key_asks_redis_for_many_at_a_time(process: Callable[[Rate], SharedPace]) -> None:
    pace = process(Rate.of(60_000))
    before = int((await pace._client.info("commandstats")).get("cmdstat_evalsha", {}).get("calls", 0))
    quotas = await asked([pace], 500)
    after = int((await pace._client.info("commandstats"))["cmdstat_evalsha"]["calls"])
    assert not any(one.wait_s for one in quotas)
    assert after - before <= 12


async def test_redis_learns_of_nobody(process: Callable[[Rate], SharedPace]) -> None:
    pace = process(SLOW)
    await pace.take("user:jane@private.example")
    assert [key async for key in pace._client.scan_iter("*jane*")] == []


async def test_while_redis_is_away_each_process_counts_alone(
    process: Callable[[Rate], SharedPace], monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = process(Rate(SLOW.per_s, 3))
    asks = 0

    async def away(**_: object) -> object:
        nonlocal asks
        asks += 1
        raise RedisAwayError

    monkeypatch.setattr(pace, "_script", away)
    assert [bool(one.wait_s) for one in await asked([pace], 5)] == [False] * 3 + [True] * 2
    assert asks == 1  # and it is left alone for a while
    monkeypatch.undo()
    monkeypatch.setattr(pace, "_away_until", 0.0)
    assert not (await pace.take("key:shop")).wait_s  # and it is shared again


async def test_nobody_waits_long_for_a_redis_that_says_nothing(
    process: Callable[[Rate], SharedPace], monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = process(SLOW)
    monkeypatch.setattr(shared_rate_limit, "WITHIN_S", 0.05)

    async def silent(**_: object) -> object:
        await asyncio.Event().wait()

    monkeypatch.setattr(pace, "_script", silent)
    assert not (await pace.take("key:shop")).wait_s


def test_a_bucket_fills_with_time() -> None:
    now = 0.0
    pace = Pace(Rate.of(60), lambda: now)
    assert [bool(pace.take("a").wait_s) for _ in range(3)] == [False, False, True]
    now = 1.0
    assert [bool(pace.take("a").wait_s) for _ in range(2)] == [False, True]
    now = 100.0
    assert [bool(pace.take("a").wait_s) for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize(
    ("quota", "policy", "limit"),
    [
        (Quota(Rate.of(60_000), 0.0, 1_999), b'"key";q=2000;w=2', b'"key";r=1999;t=1'),
        (Quota(Rate.of(60), 0.0, 0), b'"key";q=2;w=2', b'"key";r=0;t=2'),
        (Quota(Rate.of(6), 9.5, 0), b'"key";q=1;w=10', b'"key";r=0;t=10'),
    ],
)
def test_headers(quota: Quota, policy: bytes, limit: bytes) -> None:
    assert dict(quota.headers()) == {b"ratelimit-policy": policy, b"ratelimit": limit}
