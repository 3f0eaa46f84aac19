"""The order of password checks, and who waits for whom."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from tests.table_rows import each_row
from web.login_queue import MOST_OF_ONE, MOST_WAITING, LoginQueue
from web.networks import network_of
from web.pool import BusyError


class Gate:
    """Checks that take until they are let go on, and who has been checked in which order."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.done: list[str] = []

    def check(self, who: str) -> Callable[[], str]:
        def wait() -> str:
            assert self.opened.wait(30)
            self.done.append(who)
            return who

        return wait


async def begun(*waiting: "asyncio.Task[str]") -> None:
    """Until all of them have got as far as they can."""
    for _ in range(10):
        await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)


async def test_many_tries_of_one_address_delay_nobody_else() -> None:
    queue, strangers, ann = LoginQueue(), Gate(), Gate()
    ann.opened.set()
    try:
        many = [
            asyncio.create_task(queue.run(strangers.check("stranger"), "192.0.2.1", known_device=False))
            for _ in range(MOST_OF_ONE)
        ]
        await begun(*many)
        with pytest.raises(BusyError):
            await queue.run(strangers.check("stranger"), "192.0.2.1", known_device=False)
        # Two are checked at a time, and of the stranger's one.
        assert await queue.run(ann.check("ann"), "192.0.2.2", known_device=False) == "ann"
        assert strangers.done == []
        strangers.opened.set()
        await asyncio.gather(*many)
    finally:
        strangers.opened.set()
        queue.close()


async def test_a_known_device_waits_behind_no_stranger() -> None:
    queue, strangers, ann = LoginQueue(), Gate(), Gate()
    ann.opened.set()
    try:
        many = [
            asyncio.create_task(queue.run(strangers.check("stranger"), f"192.0.2.{n}", known_device=False))
            for n in range(MOST_WAITING)
        ]
        await begun(*many)
        with pytest.raises(BusyError):
            await queue.run(strangers.check("stranger"), "198.51.100.1", known_device=False)
        assert await queue.run(ann.check("ann"), "198.51.100.1", known_device=True) == "ann"
        strangers.opened.set()
        await asyncio.gather(*many)
        assert len(strangers.done) == MOST_WAITING
    finally:
        strangers.opened.set()
        queue.close()


async def test_a_check_that_fails_gives_its_place_back() -> None:
    queue = LoginQueue()

    def fail() -> None:
        raise KeyError

    try:
        for _ in range(MOST_WAITING + 1):
            with pytest.raises(KeyError):
                await queue.run(fail, "192.0.2.1", known_device=False)
    finally:
        queue.close()


@each_row(
    ("host", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_one_customer_is_one_address(host: str, network: str) -> None:
    assert network_of(host) == network
