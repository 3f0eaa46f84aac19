"""Fewer requests in flight when they slow a vendor down, in virtual time."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tasks.slots import FairSlots
from tests import virtual_time
from worker.congestion import LEAST, LOOK_EVERY_S, START, Congestion

CEILING = 64


@dataclass
class Clinic:
    """A process that always has more to send, and what it saw."""

    vendor: Callable[[], Awaitable[None]]
    served: int = 0
    limits: list[float] = field(default_factory=list)

    async def run(self, seconds: float, ceiling: int = CEILING) -> None:
        slots = FairSlots(1)
        congestion = Congestion(ceiling, slots.resize, clock=virtual_time.now)

        async def send() -> None:
            while True:
                async with slots.of(1):
                    began = virtual_time.now()
                    await self.vendor()
                    congestion.answered("POST", 100, virtual_time.now() - began)
                    self.served += 1

        async with asyncio.timeout(seconds + 1), asyncio.TaskGroup() as group:
            senders = [group.create_task(send()) for _ in range(ceiling)]
            for _ in range(int(seconds * 10)):
                await asyncio.sleep(0.1)
                self.limits.append(congestion.limit)
            for sender in senders:
                sender.cancel()

    def settled(self, seconds: float = 5.0) -> float:
        """The mean limit of the last seconds."""
        last = self.limits[-int(seconds * 10) :]
        return sum(last) / len(last)


def constant(seconds: float) -> Callable[[], Awaitable[None]]:
    return lambda: asyncio.sleep(seconds)


def with_room_for(knee: int, each_s: float) -> Callable[[], Awaitable[None]]:
    """So many at a time; those on top wait."""
    desks = asyncio.Semaphore(knee)

    async def serve() -> None:
        async with desks:
            await asyncio.sleep(each_s)

    return serve


def test_a_vendor_that_answers_evenly_gets_all_we_may_send() -> None:
    clinic = Clinic(constant(0.05))
    virtual_time.run(clinic.run(3.0))
    assert START <= clinic.limits[0] < CEILING
    assert clinic.settled(1.0) == CEILING
    assert clinic.served >= 0.85 * CEILING / 0.05 * 3.0


def test_a_slow_but_steady_vendor_too() -> None:
    clinic = Clinic(constant(2.0))
    virtual_time.run(clinic.run(60.0))
    assert clinic.settled() >= 0.9 * CEILING


def test_beyond_the_knee_the_limit_comes_back_to_it() -> None:
    for knee in (4, 10, 20):
        clinic = Clinic(with_room_for(knee, 0.1))
        virtual_time.run(clinic.run(60.0))
        assert knee <= clinic.settled(40.0) <= 2.2 * knee + 1
        assert clinic.served >= 0.9 * knee / 0.1 * 60.0, "and nothing of the vendor's capacity is wasted"


def test_a_vendor_that_became_slower_for_good_gets_its_requests_back() -> None:
    took = [0.1]
    clinic = Clinic(lambda: asyncio.sleep(took[0]))

    async def story() -> None:
        asyncio.get_running_loop().call_later(5.0, lambda: took.__setitem__(0, 0.8))
        await clinic.run(5.0 + 4 * LOOK_EVERY_S)

    virtual_time.run(story())
    assert min(clinic.limits) < 10
    assert clinic.settled() >= 0.9 * CEILING


def test_a_vendor_that_answers_unevenly_is_not_taken_for_slow() -> None:
    dice = random.Random(3)
    clinic = Clinic(lambda: asyncio.sleep(0.15 * dice.lognormvariate(0.0, 0.4)))
    virtual_time.run(clinic.run(45.0))
    assert clinic.settled(30.0) >= 0.6 * CEILING


def test_quick_is_never_slow() -> None:
    """Where the whole round trip is a few milliseconds, it is our own loop that is busy."""
    took = iter([0.001] * 200 + [0.045] * 10_000)
    clinic = Clinic(lambda: asyncio.sleep(next(took)))
    virtual_time.run(clinic.run(3.0))
    assert clinic.settled(1.0) == CEILING


def test_a_vendor_that_stops_answering_is_left_with_a_few() -> None:
    sizes: list[int] = []
    congestion = Congestion(CEILING, sizes.append)
    for _ in range(500):
        congestion.answered("POST", 100, 0.05)
    for _ in range(400):
        congestion.answered("POST", 100, 30.0)
    assert LEAST <= sizes[-1] <= LEAST + 2
    assert max(sizes) == CEILING


def test_a_large_request_is_not_measured_by_a_small_one() -> None:
    sizes: list[int] = []
    congestion = Congestion(CEILING, sizes.append)
    for number in range(600):
        large = number % 5 > 0
        congestion.answered("POST", 900_000 if large else 900, 2.0 if large else 0.1)
    assert sizes[-1] == CEILING
