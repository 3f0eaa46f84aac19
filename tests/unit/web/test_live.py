"""What is live is rendered once for all who look at it, and only while somebody does."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from ledger.failures import LedgerError
from web.console import live
from web.console.live import Live, Shown, Topic
from web.pool import Pool
from web.problems import Problem

SOON = 30.0


@pytest.fixture
def reads() -> Iterator[Pool]:
    pool = Pool("reads", at_once=2, waiting=10)
    yield pool
    pool.close()


async def until(topic: Topic, condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not condition():
            await topic.newer_than(topic.version, 0.01)


async def test_ten_who_look_at_the_same_cost_as_much_as_one(reads: Pool) -> None:
    numbers, here = count(), Live(reads, every_s=0.02)
    seen: list[str] = []

    async def look() -> None:
        async with here.watching("request 1", lambda: Shown(str(next(numbers))), "user:ann") as topic:
            version = 0
            while version < 3:
                if await topic.newer_than(version, SOON) and topic.shown is not None:
                    version = topic.version
                    seen.append(topic.shown.html)

    await asyncio.gather(*(look() for _ in range(10)))
    assert len(seen) >= 10
    assert next(numbers) <= 5, "rendered for all at once"
    assert here.topics == 0
    done = next(numbers)
    await asyncio.sleep(0.1)
    assert next(numbers) == done + 1, "nobody looks, so nothing is asked"


async def test_what_has_not_changed_is_not_sent_again(reads: Pool) -> None:
    asked: list[int] = []

    def same() -> Shown:
        asked.append(1)
        return Shown("same")

    async with Live(reads, every_s=0.005).watching("x", same, "user:ann") as topic:
        await until(topic, lambda: len(asked) > 5)
        assert topic.version == 1
        assert not await topic.newer_than(1, 0.01)


async def test_a_ledger_that_is_away_ends_nothing(reads: Pool) -> None:
    answers = iter(["first", None, None, "again"])

    def render() -> Shown:
        answer = next(answers, "again")
        if answer is None:
            raise LedgerError("away")
        return Shown(answer)

    async with Live(reads, every_s=0.005).watching("x", render, "user:ann") as topic:
        await until(topic, lambda: topic.shown == Shown("first"))
        await until(topic, lambda: topic.shown == Shown("again"))


async def test_what_is_over_is_asked_no_more(reads: Pool) -> None:
    asked: list[int] = []

    def render() -> Shown:
        asked.append(1)
        return Shown("done", over=len(asked) > 1)

    here = Live(reads, every_s=0.005)
    async with here.watching("x", render, "user:ann") as topic:
        await until(topic, lambda: topic.shown is not None and topic.shown.over)
        asked_then = len(asked)
        await asyncio.sleep(0.05)
        assert len(asked) == asked_then


async def test_there_is_a_limit_for_one_and_for_all(reads: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST", 2)
    monkeypatch.setattr(live, "MOST_OF_ONE", 1)
    here = Live(reads)
    async with here.watching("x", lambda: Shown(""), "user:ann"):
        with pytest.raises(Problem):
            here.refuse_crowd("user:ann")
        async with here.watching("y", lambda: Shown(""), "user:bob"):
            with pytest.raises(Problem):
                here.refuse_crowd("user:carol")
    here.refuse_crowd("user:ann")
    assert here.topics == 0


async def test_a_version_that_came_meanwhile_is_not_missed() -> None:
    topic = Topic()
    topic.show(Shown("one"))
    assert await topic.newer_than(0, SOON)
    waiting = asyncio.create_task(topic.newer_than(1, SOON))
    await asyncio.sleep(0)
    topic.show(Shown("two"))
    assert await waiting
