"""Slots at a vendor, in turn between requests."""

import asyncio
import time
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.slots import FairSlots
from tests import virtual_time
from tests.examples import examples


async def until_quiet() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def waiting_in(slots: FairSlots, request_id: int, order: list[int]) -> "asyncio.Task[None]":
    """Records when its turn has come, and gives the slot back at once."""

    async def one() -> None:
        async with slots.of(request_id):
            order.append(request_id)

    return asyncio.create_task(one())


async def test_no_more_than_there_are() -> None:
    slots, most, inside = FairSlots(3), 0, 0

    async def one() -> None:
        nonlocal most, inside
        async with slots.of(1):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1

    await asyncio.gather(*(one() for _ in range(20)))
    assert (most, slots.taken) == (3, 0)


async def test_a_newcomer_waits_for_one_of_each_and_not_for_all_of_a_campaign() -> None:
    slots, order = FairSlots(1), list[int]()
    async with slots.of(0):
        campaigns = [waiting_in(slots, number, order) for _ in range(50) for number in (1, 2)]
        await until_quiet()
        newcomer = waiting_in(slots, 3, order)
        await until_quiet()
        assert order == []
    await asyncio.gather(newcomer, *campaigns)
    assert order.index(3) == 2
    assert order[:7] == [1, 2, 3, 1, 2, 1, 2]
    assert Counter(order) == {1: 50, 2: 50, 3: 1}


async def test_who_gives_up_takes_nobodys_turn() -> None:
    slots, order = FairSlots(1), list[int]()
    async with slots.of(0):
        gone, stays = waiting_in(slots, 1, order), waiting_in(slots, 2, order)
        await until_quiet()
        gone.cancel()
    await stays
    assert (order, slots.taken) == ([2], 0)


async def test_who_gives_up_with_a_slot_just_handed_gives_it_back() -> None:
    slots, order = FairSlots(1), list[int]()
    holder = slots.of(0)
    await holder.__aenter__()
    gone, stays = waiting_in(slots, 1, order), waiting_in(slots, 2, order)
    await until_quiet()
    await holder.__aexit__(None, None, None)  # hands it to the first, who has not run yet
    gone.cancel()
    await stays
    assert (order, slots.taken) == ([2], 0)


async def test_a_failure_gives_the_slot_back() -> None:
    slots = FairSlots(1)
    try:
        async with slots.of(1):
            raise KeyError
    except KeyError:
        pass
    assert slots.taken == 0


async def test_a_new_size_counts_at_once_and_takes_nothing_back() -> None:
    slots, order = FairSlots(2), list[int]()
    first, second = slots.of(0), slots.of(0)
    await first.__aenter__()
    await second.__aenter__()
    slots.resize(1)
    third = waiting_in(slots, 1, order)
    await first.__aexit__(None, None, None)
    await until_quiet()
    assert order == [], "one is out, and one may be"
    slots.resize(2)
    await third
    await second.__aexit__(None, None, None)
    assert slots.taken == 0


async def test_while_enough_wait_for_permits_slots_stay_where_turns_are_taken() -> None:
    at_the_lane = 0
    slots, order = FairSlots(100, lambda more: at_the_lane + more >= 2), list[int]()
    permits = asyncio.Semaphore(0)

    async def one(request_id: int) -> None:
        nonlocal at_the_lane
        async with slots.of(request_id):
            at_the_lane += 1
            await permits.acquire()
            at_the_lane -= 1
            order.append(request_id)
            slots.hand_on()
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(one(1)) for _ in range(50)]
    await until_quiet()
    assert slots.taken == 2
    tasks.append(asyncio.create_task(one(2)))
    for _ in tasks:
        permits.release()
        await until_quiet()
        assert at_the_lane <= 2
    await asyncio.gather(*tasks)
    assert order.index(2) <= 3


@given(data=st.data())
@settings(max_examples=examples(60), deadline=None)
def test_whatever_comes_and_goes_no_slot_is_lost_and_nobody_is_forgotten(data: Any) -> None:
    draw = data.draw
    size = draw(st.integers(1, 4))
    plans = draw(
        st.lists(
            st.tuples(st.integers(0, 3), st.floats(0, 1), st.floats(0, 1), st.none() | st.floats(0, 2)), max_size=25
        )
    )
    sizes = draw(st.lists(st.tuples(st.floats(0, 2), st.integers(1, 5)), max_size=4))

    async def story() -> None:
        slots = FairSlots(size)

        async def one(request_id: int, comes_s: float, stays_s: float) -> None:
            await asyncio.sleep(comes_s)
            async with slots.of(request_id):
                await asyncio.sleep(stays_s)

        tasks = []
        for request_id, comes_s, stays_s, gives_up_s in plans:
            tasks.append(asyncio.create_task(one(request_id, comes_s, stays_s)))
            if gives_up_s is not None:
                asyncio.get_running_loop().call_later(gives_up_s, tasks[-1].cancel)
        for moment, new in sizes:
            asyncio.get_running_loop().call_later(moment, slots.resize, new)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert slots.taken == slots._woken == 0
        assert not slots._lines

    virtual_time.run(story())


async def test_an_uncontended_slot_costs_next_to_nothing() -> None:
    """Beside asyncio's own semaphore, as this machine is now."""

    async def cost_of(gate: Any) -> float:
        async def rounds() -> float:
            began = time.process_time()
            for _ in range(5_000):
                async with gate:
                    pass
            return time.process_time() - began

        return min([await rounds() for _ in range(5)])

    assert await cost_of(FairSlots(4).of(1)) <= 2.5 * await cost_of(asyncio.Semaphore(4))
