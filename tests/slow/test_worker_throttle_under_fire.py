"""One limit, many processes, and everything that can go wrong with them, in virtual time: the real lane and its real
Lua over fakeredis, counted as requests arrive at the vendor."""

import asyncio
import random
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import fakeredis
import fakeredis.commands_mixins.server_mixin as fake_time
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.contract import NotNowError
from tests import virtual_time
from tests.examples import examples
from worker import throttle
from worker.pace import HORIZON_S, JITTER_S, LOT_S, STALE_S, WINDOW_S, Pace
from worker.throttle import Lane

PROCESSES = 4
SENDERS = 6


@dataclass
class World:
    """A vendor, a Redis with a clock of its own, and processes that send whenever they may."""

    limit: int
    dice: random.Random
    units: float = 1.0
    """What each request is said to cost; the limit is in units a minute."""
    costs: tuple[float, ...] = ()
    """What requests really cost, one of these each, as the vendor's answers tell; none: what they are said to."""
    arrivals: list[float] = field(default_factory=list)
    spent: list[tuple[float, float]] = field(default_factory=list)
    """Each arrival with its cost."""
    step_s: float = 0.0
    """How far Redis's clock is off."""
    wire_s: float = JITTER_S * 0.99
    """The longest way to the vendor."""
    lag_s: float = 0.02
    """The longest way to Redis, and back."""
    senders: int = SENDERS
    server: fakeredis.FakeServer = field(default_factory=fakeredis.FakeServer)
    alive: list["asyncio.Task[None]"] = field(default_factory=list)
    lanes: list[Lane] = field(default_factory=list)

    def start(self, count: int = 1) -> None:
        """More processes."""
        for _ in range(count):
            self.alive.append(asyncio.create_task(self._process(self.lane())))

    def lane(self) -> Lane:
        """That of one more process."""
        redis = fakeredis.FakeAsyncRedis(server=self.server)
        lane = Lane(redis, "acme", Pace.for_limit(self.limit), self.limit)
        lane._ask = self._far(lane._ask)
        self.lanes.append(lane)
        return lane

    def _far(self, ask: Any) -> Any:
        async def far(**arguments: Any) -> Any:
            await asyncio.sleep(self.dice.uniform(0, self.lag_s))
            reply = await ask(**arguments)
            await asyncio.sleep(self.dice.uniform(0, self.lag_s))
            return reply

        return far

    async def _process(self, lane: Lane) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self.senders):
                group.create_task(self._send(lane))

    async def _send(self, lane: Lane) -> None:
        while True:
            try:
                taken = await lane.take(self.units)
            except NotNowError as not_now:
                await asyncio.sleep(not_now.delay_s)
                continue
            cost = self.dice.choice(self.costs) if self.costs else self.units
            self.arrivals.append(virtual_time.now() + self.dice.uniform(0, self.wire_s))
            self.spent.append((self.arrivals[-1], cost))
            await asyncio.sleep(self.dice.uniform(0.0, 0.1))
            if self.costs:
                await lane.correct(taken, cost)

    async def kill(self) -> None:
        """One process, at any moment."""
        victim = self.alive.pop(self.dice.randrange(len(self.alive)))
        victim.cancel()
        await asyncio.wait([victim])

    def flush(self) -> None:
        fakeredis.FakeRedis(server=self.server).flushall()

    def keep(self) -> dict[str, bytes]:
        """What Redis knows of the lane."""
        return fakeredis.FakeRedis(server=self.server).hgetall("consent:throttle:acme")

    def restore(self, kept: dict[str, bytes]) -> None:
        """Redis comes back with what it knew then: a fail-over, or a power cut between two syncs."""
        self.flush()
        fakeredis.FakeRedis(server=self.server).hset("consent:throttle:acme", mapping=kept)

    async def stop(self) -> None:
        while self.alive:
            await self.kill()

    def densest(self, window_s: float = WINDOW_S) -> int:
        moments = sorted(self.arrivals)
        return max((bisect_left(moments, moment + window_s) - place for place, moment in enumerate(moments)), default=0)

    def densest_units(self, window_s: float = WINDOW_S) -> float:
        """The most units in any window of this length."""
        spent = sorted(self.spent)
        most, held, first = 0.0, 0.0, 0
        for moment, cost in spent:
            held += cost
            while spent[first][0] <= moment - window_s:
                held -= spent[first][1]
                first += 1
            most = max(most, held)
        return most

    def used_units(self, since: float, until: float) -> float:
        """The share of the limit that was used meanwhile, in units."""
        found = sum(cost for moment, cost in self.spent if since <= moment < until)
        return found / (until - since) * WINDOW_S / self.limit

    def used(self, since: float, until: float) -> float:
        """The share of the limit that was used meanwhile."""
        moments = sorted(self.arrivals)
        found = bisect_left(moments, until) - bisect_left(moments, since)
        return found / (until - since) * WINDOW_S / self.limit


Story = Callable[[World], Any]


@pytest.fixture(autouse=True)
def _virtual() -> Iterator[None]:
    """Redis and the lanes see virtual time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(throttle, "monotonic", virtual_time.now)
        yield


def play(story: Story, *, limit: int = 240, seed: int = 1, units: float = 1.0, costs: tuple[float, ...] = ()) -> World:
    """Have a world live through a story."""

    async def life() -> World:
        world = World(limit, random.Random(seed), units, costs)
        with pytest.MonkeyPatch.context() as patch:
            clock = SimpleNamespace(time=lambda: virtual_time.now() + 1_700_000_000 + world.step_s)
            patch.setattr(fake_time, "time", clock)
            await story(world)
            await world.stop()
        return world

    return virtual_time.run(life())


async def campaign(world: World, seconds: float = 70.0) -> None:
    world.start(PROCESSES)
    await asyncio.sleep(seconds)


def test_from_a_cold_start_no_window_is_over_and_nearly_all_is_used() -> None:
    world = play(campaign)
    began = 1_000.0 + HORIZON_S + LOT_S + 0.1
    assert world.densest() <= world.limit
    assert world.used(began, began + 69.0) >= 0.97


def test_at_insiders_limit_too() -> None:
    async def story(world: World) -> None:
        world.senders = 20
        await campaign(world, 9.0)

    world = play(story, limit=25_000)
    assert world.densest(5.0) <= Pace.for_limit(25_000).most_in(5.0)
    assert world.used(1_001.0, 1_008.0) >= 0.97


def test_what_is_forgotten_is_never_granted_twice_however_often() -> None:
    async def story(world: World) -> None:
        world.senders = 20
        world.start(PROCESSES)
        for _ in range(20):
            await asyncio.sleep(0.5)
            world.flush()

    world = play(story, limit=25_000)
    pace = Pace.for_limit(25_000)
    once = (9.0 + STALE_S + JITTER_S) * 1e6 / pace.gap_us + pace.burst
    assert 0.5 * once <= world.densest(9.0) <= once


async def a_flush_every_few_seconds(world: World) -> None:
    world.start(PROCESSES)
    for _ in range(18):
        await asyncio.sleep(world.dice.uniform(1.0, 7.0))
        world.flush()


async def a_jump_forward(world: World) -> None:
    world.start(PROCESSES)
    await asyncio.sleep(world.dice.uniform(25.0, 45.0))
    world.step_s += world.dice.choice([0.3, 1.0, 10.0, 3_600.0])
    await asyncio.sleep(30.0)


async def jumps_back(world: World) -> None:
    world.start(PROCESSES)
    for back_s in (0.1, 1.0, 60.0, 3_600.0):
        await asyncio.sleep(world.dice.uniform(10.0, 25.0))
        world.step_s -= back_s


async def an_older_redis(world: World) -> None:
    world.start(PROCESSES)
    await asyncio.sleep(world.dice.uniform(20.0, 40.0))
    kept = world.keep()
    await asyncio.sleep(world.dice.uniform(0.1, 3.0))
    world.restore(kept)
    await asyncio.sleep(30.0)


async def workers_come_and_go(world: World) -> None:
    world.start(PROCESSES)
    for _ in range(25):
        await asyncio.sleep(world.dice.uniform(0.2, 3.0))
        await world.kill()
        world.start()


async def a_slow_redis(world: World) -> None:
    world.lag_s = 0.08  # there and back is at times longer than a permit lives
    world.start(PROCESSES)
    await asyncio.sleep(40.0)


async def bursts(world: World) -> None:
    """Idle, all at once, idle, with everything forgotten in between."""
    for _ in range(12):
        world.start(PROCESSES)
        await asyncio.sleep(world.dice.uniform(0.5, 5.0))
        await world.stop()
        await asyncio.sleep(world.dice.uniform(0.0, 5.0))
        if world.dice.random() < 0.3:
            world.flush()


STORIES = [
    a_flush_every_few_seconds,
    a_jump_forward,
    jumps_back,
    an_older_redis,
    workers_come_and_go,
    a_slow_redis,
    bursts,
]


@pytest.mark.parametrize(
    ("story", "limit", "units"),
    [
        *((story, 150, 2.5) for story in STORIES),
        *((story, 30, 0.5) for story in STORIES[::2]),
        *((story, 240, 40.0) for story in STORIES[1::2]),
    ],
)
def test_whatever_happens_no_window_holds_more_units_than_the_limit(story: Story, limit: int, units: float) -> None:
    world = play(story, limit=limit, seed=limit, units=units)
    assert world.densest_units() <= limit
    assert world.arrivals or limit / units < 20


def test_a_quota_of_units_is_nearly_all_used() -> None:
    world = play(campaign, limit=500, units=2.5)
    began = 1_000.0 + HORIZON_S + LOT_S + 0.1
    assert world.densest_units() <= 500
    assert world.used_units(began, began + 69.0) >= 0.97


@pytest.mark.parametrize(
    ("limit", "said", "really"),
    [(1_000, 2.5, 1.0), (500, 2.5, 5.0), (500, 1.0, 10.0), (100, 10.0, 2.5), (250, 0.5, 2.5)],
)
def test_what_the_answers_say_of_the_cost_holds_the_limit(limit: int, said: float, really: float) -> None:
    """Dearer than we were told: the requests that went out before an answer told are made up for. Cheaper: used."""
    world = play(campaign, limit=limit, units=said, costs=(really,))
    assert world.densest_units() <= limit
    if limit / max(said, really) >= 100:
        assert world.used_units(1_010.0, 1_069.0) >= 0.94


def test_costs_that_differ_are_bounded_by_the_dearest() -> None:
    world = play(campaign, limit=200, units=2.5, costs=(1.0, 2.5, 4.0))
    assert world.densest_units() <= 200


@given(limit=st.integers(10, 1_000_000), units=st.floats(0.1, 50.0))
@settings(max_examples=examples(100))
def test_the_pace_of_dear_requests_leaves_the_same_room(limit: int, units: float) -> None:
    lane = Lane(fakeredis.FakeAsyncRedis(), "acme", Pace.for_limit(limit), limit)
    found = lane.pace_of(units)
    if limit / units >= 5:
        assert found.most_in(WINDOW_S) * units <= limit * (1 + 1e-9)
    if limit / units >= 100:
        assert WINDOW_S * 1e6 / found.gap_us * units >= 0.97 * limit


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("limit", [4, 120])
def test_whatever_happens_no_window_is_over_the_limit(story: Story, limit: int) -> None:
    world = play(story, limit=limit, seed=limit)
    assert world.densest() <= limit
    assert world.arrivals or limit == 4


def test_a_flush_costs_no_more_than_what_may_lie_ahead() -> None:
    world = play(a_flush_every_few_seconds)
    assert world.used(1_001.0, 1_040.0) >= 0.8


def test_a_clock_that_goes_back_stalls_nobody() -> None:
    async def story(world: World) -> None:
        await campaign(world, 5.0)
        world.step_s -= 3_600.0
        await asyncio.sleep(6.0)

    assert play(story).used(1_006.0, 1_011.0) >= 0.9


def test_kills_waste_what_was_in_hand_and_no_more() -> None:
    world = play(workers_come_and_go)
    assert world.used(1_001.0, 1_040.0) >= 0.85


@given(limit=st.integers(1, 3_000_000))
@settings(max_examples=examples(300))
def test_the_pace_leaves_room_for_what_may_be_granted_twice(limit: int) -> None:
    found = Pace.for_limit(limit)
    assert found.burst >= 1
    assert found.lot >= 1
    # Of a few a minute each is on its own: see the stories with a limit of 4.
    assert found.most_in(WINDOW_S) <= limit * (1 + 1e-9) or limit < 5
    if limit >= 100:
        assert WINDOW_S * 1e6 / found.gap_us >= 0.97 * limit


def test_a_pause_leaves_the_others_one_lot_and_that_for_a_moment() -> None:
    async def story(world: World) -> None:
        await campaign(world, 3.0)
        await world.lanes[0].pause(20.0)
        paused = virtual_time.now()
        await asyncio.sleep(19.9)
        late = sorted(moment - paused for moment in world.arrivals if moment > paused)
        lot = world.lanes[0].pace.lot
        assert len(late) <= PROCESSES * lot + JITTER_S * world.limit / WINDOW_S
        assert late[-1] <= HORIZON_S + LOT_S + STALE_S + JITTER_S
        await asyncio.sleep(10.0)
        after = [moment for moment in world.arrivals if moment > paused + 19.9]
        assert min(after) >= paused + 20.0
        assert len(after) > 15, "and then it goes on"

    play(story)


def test_a_pause_outlives_neither_its_length_nor_a_clock_that_goes_back() -> None:
    async def story(world: World) -> None:
        await campaign(world, 3.0)
        await world.lanes[0].pause(5.0)
        world.step_s -= 3_600.0
        await asyncio.sleep(12.0)

    world = play(story)
    assert world.used(1_011.0, 1_014.0) >= 0.5


async def all_that_is_granted(lane: Lane, seconds: float) -> list[float]:
    """When each permit comes that can be had meanwhile."""
    moments: list[float] = []
    until = virtual_time.now() + seconds
    while virtual_time.now() < until:
        await lane.take()
        moments.append(virtual_time.now())
    return moments


def test_who_was_idle_may_catch_up_by_the_burst_and_no_more() -> None:
    async def story(world: World) -> None:
        world.lag_s = 0.0
        lane = world.lane()
        await lane.take()
        await asyncio.sleep(5.0)
        moments = await all_that_is_granted(lane, 1.0)
        pace = lane.pace
        at_once = sum(moment - moments[0] < pace.gap_us / 2e6 for moment in moments)
        assert at_once == pace.burst > 1
        assert len(moments) <= pace.burst + 1e6 / pace.gap_us + 1

    play(story, limit=6_000)


def test_who_waited_through_a_pause_does_not_go_all_at_once() -> None:
    async def story(world: World) -> None:
        lane, other = world.lane(), world.lane()
        await lane.take()
        began = virtual_time.now()
        await lane.pause(1.0)
        moments = await all_that_is_granted(other, 2.0)
        assert moments[0] >= began + 1.0
        assert sum(moment - moments[0] < 0.02 for moment in moments) <= 0.02 * 1e6 / lane.pace.gap_us + 2

    play(story, limit=6_000)


def test_after_too_many_the_pace_is_lower_and_recovers() -> None:
    async def story(world: World) -> None:
        lane = world.lane()
        await all_that_is_granted(lane, 1.0)
        await lane.pause(0.0)
        cut, later = await all_that_is_granted(lane, 0.5), await all_that_is_granted(lane, 3.5)
        back = await all_that_is_granted(lane, 1.0)
        full = 1e6 / lane.pace.gap_us
        assert 0.6 * full <= len(cut) / 0.5 <= 0.85 * full
        assert len(later) / 3.5 < len(back)
        assert len(back) >= 0.95 * full

    play(story, limit=6_000)
