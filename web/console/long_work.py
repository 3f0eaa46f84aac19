"""Work that may outlast an answer: a page waits a moment for it, and asks again later what came of it."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from typing import Any, TypeVar

from fastapi import Request

WAITS_S = 3.0
"""How long an answer waits."""
KEPT_S = 120.0
"""How long a result waits for somebody to ask for it."""
T = TypeVar("T")


class UnderWayError(Exception):
    """It is not done yet, and goes on: ask again."""


class LongWork:
    """The long work of a web process, by name. Only its event loop may use it."""

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[Any]] = {}

    def knows(self, name: Hashable) -> bool:
        """Whether work of this name is under way, or its result was not asked for yet."""
        return name in self._tasks

    async def result(self, name: Hashable, begin: Callable[[], Awaitable[T]]) -> T:
        """What came of the work of this name, which is begun unless it is under way. Its result is given once.

        Raises UnderWayError, and whatever the work raises.
        """
        task = self._tasks.get(name)
        if task is None:
            task = self._tasks[name] = asyncio.create_task(_run(begin))
            task.add_done_callback(lambda done: self._drop_later(name, done))
        await asyncio.wait({task}, timeout=WAITS_S)
        if not task.done():
            raise UnderWayError
        self._drop(name, task)
        result: T = task.result()
        return result

    def _drop_later(self, name: Hashable, task: asyncio.Task[Any]) -> None:
        with suppress(asyncio.CancelledError):
            task.exception()  # it counts as looked at: asyncio would log it, with what it quotes
        asyncio.get_running_loop().call_later(KEPT_S, self._drop, name, task)

    def _drop(self, name: Hashable, task: asyncio.Task[Any]) -> None:
        if self._tasks.get(name) is task:
            del self._tasks[name]


async def _run(begin: Callable[[], Awaitable[T]]) -> T:
    return await begin()


def long_work_of(request: Request) -> LongWork:
    """That of the app."""
    found: LongWork = request.app.state.long_work
    return found
