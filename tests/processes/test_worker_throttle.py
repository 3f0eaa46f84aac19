"""The vendors' rate limits, held for all processes together, over a real Redis."""

import asyncio
import time
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable
from itertools import pairwise

import fakeredis
import pytest
from redis.asyncio import Redis

from adapters.contract import NotNowError, Rate
from worker import throttle
from worker.pace import HORIZON_S, STALE_S, WINDOW_S, Pace
from worker.throttle import AWAY_S, PATIENCE_S, Lane, Lanes, open_lanes

VENDOR = "acme"


@pytest.fixture
async def lane(redis_url: str) -> AsyncIterator[Callable[[Pace], Lane]]:
    """Opens a lane with a connection of its own, as another process would."""
    opened: list[Redis] = []

    def open_lane(pace: Pace) -> Lane:
        opened.append(Redis.from_url(redis_url))
        return Lane(opened[-1], VENDOR, pace)

    async with Redis.from_url(redis_url) as redis:
        await redis.flushdb()
    yield open_lane
    for redis in opened:
        await redis.aclose()


def pace(per_second: float, burst: int = 1, lot: int = 1) -> Pace:
    """A pace in requests a second, so that windows are short enough to wait for."""
    return Pace(1e6 / per_second, burst, lot)


async def next_lot(lane: Lane) -> list[float]:
    """The next lot that is granted to a process with none in hand."""
    while not lane._moments:
        await lane._lease_lot(time.monotonic() + 60.0)
    lot = list(lane._moments)
    lane._moments.clear()
    return lot


async def take_for(lane: Lane, seconds: float, into: list[float]) -> None:
    """Note the moment of every permit that can be had."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            await lane.take()
        except NotNowError as not_now:
            await asyncio.sleep(min(not_now.delay_s, 0.05))
            continue
        into.append(time.monotonic())


def densest(moments: list[float], window: float) -> int:
    """The most permits in any window of this length."""
    moments = sorted(moments)
    return max(bisect_right(moments, first + window) - place for place, first in enumerate(moments))


def test_the_figures_of_insider() -> None:
    found = Pace.for_limit(25_000)
    assert WINDOW_S * 1e6 / found.gap_us == pytest.approx(24_695, abs=1)
    assert (found.burst, found.lot) == (41, 16)


async def test_many_processes_together_stay_within_the_limit_and_use_it(lane: Callable[[Pace], Lane]) -> None:
    # Rate times window plus burst, and what a busy test machine may send late.
    shared = pace(300, burst=12, lot=6)
    lanes = [lane(shared) for _ in range(4)]
    moments: list[float] = []
    await asyncio.gather(*(take_for(each, 3.0, moments) for each in lanes for _ in range(8)))
    assert densest(moments, 1.0) <= 300 + 12 + STALE_S * 300
    assert len(moments) >= 0.3 * 300 * 3.0  # how much of it is used, bench measures: here others use this machine too


async def test_the_moments_granted_are_spaced_whoever_asks(lane: Callable[[Pace], Lane]) -> None:
    """What Redis grants, apart from how late this machine is: no two moments closer than the pace."""
    shared = pace(1_000, burst=1, lot=5)
    lanes = [lane(shared) for _ in range(4)]
    granted: list[float] = []
    for _ in range(12):
        for each in lanes:
            asked = time.monotonic()
            lot = await next_lot(each)
            # The moments are counted from when the answer came; within one lot they are exactly a gap apart.
            assert lot[0] >= asked
            assert all(after - before == pytest.approx(0.001) for before, after in pairwise(lot))
            granted += lot
    assert len(granted) == 240
    assert granted[-1] - granted[0] >= 0.239 - 0.02  # late answers shift a lot later, never the pace


async def test_a_cold_start_has_no_burst(lane: Callable[[Pace], Lane]) -> None:
    one = lane(pace(50, burst=20, lot=1))
    asked = time.monotonic()
    granted = [(await next_lot(one))[0] for _ in range(10)]
    # Anyone who was granted something before may still use what lay ahead of them.
    assert all(moment - asked >= HORIZON_S + place / 50 for place, moment in enumerate(granted))


async def test_a_pause_holds_everybody(lane: Callable[[Pace], Lane]) -> None:
    shared = pace(100, burst=10, lot=5)
    first, second, third = (lane(shared) for _ in range(3))
    await first.take()
    await second.take()
    await first.pause(30.0)
    for each in (first, third):
        with pytest.raises(NotNowError) as not_now:
            await each.take()
        assert 10.0 < not_now.value.delay_s <= 30.0 + HORIZON_S
    # What another process was granted before is used up or void in a moment; then it waits like all others.
    await asyncio.sleep(STALE_S + 0.06)
    with pytest.raises(NotNowError):
        await second.take()


async def test_a_shorter_pause_does_not_end_a_longer_one(lane: Callable[[Pace], Lane]) -> None:
    one = lane(pace(100))
    await one.pause(30.0)
    await one.pause(1.0)
    with pytest.raises(NotNowError) as not_now:
        await one.take()
    assert not_now.value.delay_s > 10


async def test_a_permit_that_is_far_off_is_not_waited_for(lane: Callable[[Pace], Lane]) -> None:
    slow = pace(1 / 10)
    one, other = lane(slow), lane(slow)
    with pytest.raises(NotNowError):
        await one.take()
    began = time.monotonic()
    with pytest.raises(NotNowError) as not_now:
        await other.take()
    assert time.monotonic() - began < 5.0
    assert 5.0 < not_now.value.delay_s <= 10.0 + HORIZON_S


async def test_nobody_waits_for_those_before_them_for_longer_than_a_lease_allows(
    lane: Callable[[Pace], Lane],
) -> None:
    one = lane(pace(1_000))
    one.longest_wait_s = 0.05
    async with one._turn:  # as if somebody before them waited for a permit
        waiting = [asyncio.create_task(one.take()) for _ in range(3)]
        await asyncio.sleep(0.1)
    assert {type(error) for error in await asyncio.gather(*waiting, return_exceptions=True)} == {NotNowError}
    assert one.waiting == 0
    assert await one.take() == 1.0


async def test_a_refused_lot_costs_nobody_a_place(lane: Callable[[Pace], Lane]) -> None:
    one = lane(pace(1 / (PATIENCE_S + 1)))
    delays = []
    for _ in range(5):
        with pytest.raises(NotNowError) as not_now:
            await one.take()
        delays.append(not_now.value.delay_s)
    assert delays == sorted(delays, reverse=True)


async def test_stale_moments_are_void(lane: Callable[[Pace], Lane]) -> None:
    one = lane(pace(200, burst=1, lot=20))
    await one.take()  # nineteen more in hand, for the next tenth of a second
    await asyncio.sleep(0.1 + STALE_S + 0.05)
    moments: list[float] = []
    await take_for(one, 0.02, moments)
    assert len(moments) <= 0.02 * 200 + 2


async def test_with_redis_away_nothing_may_be_sent() -> None:
    server = fakeredis.FakeServer()
    server.connected = False
    one = Lane(fakeredis.FakeAsyncRedis(server=server), VENDOR, pace(100))
    with pytest.raises(NotNowError) as not_now:
        await one.take()
    assert not_now.value.delay_s == AWAY_S
    await one.pause(1.0)  # nothing to be done about it


async def test_a_redis_that_goes_away_fails_closed_and_comes_back() -> None:
    server = fakeredis.FakeServer()
    one = Lane(fakeredis.FakeAsyncRedis(server=server), VENDOR, pace(1_000))
    await one.take()
    server.connected = False
    with pytest.raises(NotNowError):
        await one.take()
    server.connected = True
    await one.take()


async def test_a_redis_that_forgot_grants_no_burst(lane: Callable[[Pace], Lane], redis_url: str) -> None:
    one = lane(pace(50, burst=20, lot=1))
    moments: list[float] = []
    await take_for(one, 0.2, moments)
    async with Redis.from_url(redis_url) as redis:
        await redis.flushdb()
    await take_for(one, 0.2, moments)
    assert len(moments) <= 0.4 * 50 + 4


async def test_each_vendor_has_a_lane_of_its_own() -> None:
    redis = fakeredis.FakeAsyncRedis()
    lanes = open_lanes(redis, {"insider": 25_000, "akinon": 60})
    await lanes["akinon"].pause(30.0)
    await lanes["insider"].take()
    with pytest.raises(NotNowError):
        await lanes["akinon"].take()
    assert lanes["insider"].pace == Pace.for_limit(25_000)
    kept = {key: await redis.ttl(key) for key in await redis.keys("*")}
    assert sorted(kept) == [b"consent:throttle:akinon", b"consent:throttle:insider"]
    assert all(0 < seconds <= 7_200 for seconds in kept.values())


async def test_each_bucket_of_a_vendor_has_a_lane_of_its_own() -> None:
    redis = fakeredis.FakeAsyncRedis()
    lanes = Lanes.open(redis, "insider", {"": 25_000, "profile": 1_000})
    await lanes.pause("profile", 30.0)
    assert await lanes.take(Rate()) == 1.0
    with pytest.raises(NotNowError):
        await lanes.take(Rate("profile", 2.5))
    assert sorted(await redis.keys("*")) == [b"consent:throttle:insider", b"consent:throttle:insider:profile"]


async def test_a_request_takes_as_many_units_as_it_is_said_to_cost_until_answers_tell() -> None:
    lanes = Lanes.open(fakeredis.FakeAsyncRedis(), "insider", {"": 25_000, "profile": 60_000})
    rate = Rate("profile", 2.5)
    assert await lanes.take(rate) == 2.5
    await lanes.correct("profile", 2.5, 4.0)
    assert await lanes.take(rate) == 4.0, "dearer: from the next one on"
    for _ in range(throttle.COSTS_KEPT):
        await lanes.correct("profile", 4.0, 1.0)
    assert await lanes.take(rate) == 1.0, "cheaper: once no dear one is remembered"


async def test_bookings_stand_in_line_and_what_comes_too_late_is_not_booked() -> None:
    lanes = Lanes.open(fakeredis.FakeAsyncRedis(), "insider", {"": 25_000, "profile": 1_000})
    rate = Rate("profile", 2.5)
    a_minute = WINDOW_S * 1e6 / Pace.for_limit(1_000 / 2.5).gap_us
    first, second = await lanes.book(rate, 400, 600.0), await lanes.book(rate, 400, 600.0)
    assert first == pytest.approx(0.0, abs=0.1)
    assert second == pytest.approx(400 / a_minute * 60, abs=0.5)
    assert await lanes.book(rate, 4_000, 600.0) is None, "with what is ahead of it, it takes over ten minutes"
    third = await lanes.book(rate, 1, 600.0)
    assert third == pytest.approx(800 / a_minute * 60, abs=0.5), "what was not booked is in nobody's way"


async def test_dear_calls_are_booked_as_such() -> None:
    lanes = Lanes.open(fakeredis.FakeAsyncRedis(), "insider", {"": 25_000, "profile": 1_000})
    rate = Rate("profile", 2.5)
    await lanes.correct("profile", 2.5, 10.0)
    await lanes.book(rate, 100, 600.0)
    assert await lanes.book(rate, 1, 600.0) == pytest.approx(61.2, abs=1.0)


async def test_a_clock_that_went_back_forgets_bookings_that_nobody_made() -> None:
    redis = fakeredis.FakeAsyncRedis()
    lanes = Lanes.open(redis, "insider", {"": 25_000, "profile": 1_000})
    await redis.hset("consent:throttle:insider:profile", "booked", str(int((time.time() + 3_600) * 1e6)))
    assert await lanes.book(Rate("profile", 2.5), 1, 600.0) == pytest.approx(0.0, abs=0.1)


async def test_with_redis_away_a_booking_is_asked_for_again() -> None:
    server = fakeredis.FakeServer()
    server.connected = False
    lanes = Lanes.open(fakeredis.FakeAsyncRedis(server=server), "insider", {"": 25_000, "profile": 1_000})
    assert await lanes.book(Rate("profile", 2.5), 1, 600.0) == AWAY_S


async def test_one_cheap_answer_does_not_make_all_requests_cheap() -> None:
    lanes = Lanes.open(fakeredis.FakeAsyncRedis(), "insider", {"": 25_000, "profile": 60_000})
    await lanes.correct("profile", 2.5, 1.0)
    assert await lanes.take(Rate("profile", 2.5)) == 2.5


async def test_answers_to_what_was_under_way_do_not_lower_the_pace_again(lane: Callable[[Pace], Lane]) -> None:
    one = lane(pace(100))
    for _ in range(20):
        await one.pause(0.3)
    share = float(await one.redis.hget(one.key, "share") or 0)
    assert share == pytest.approx(throttle.CUT)
