"""Does together what arrives at the same time, so that hundreds of small writes a second cost few commits."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from web.pool import BusyError, Pool

T = TypeVar("T")
R = TypeVar("R")


class Together(Generic[T, R]):
    """Passes pieces to `work`, which does several at once and returns a result for each, in order. An exception among
    the results is raised to the caller of that piece; one that is raised, to all of them.

    Pieces that arrive meanwhile wait, and are done next. So a single one is done at once, and the busier it is, the
    more share a round. `lanes` rounds run in parallel, each in a thread of `pool`, which must have room for them.
    """

    def __init__(
        self,
        pool: Pool,
        work: Callable[[Sequence[T]], Sequence[R | Exception]],
        *,
        lanes: int = 1,
        round_of: int = 100,
        waiting: int | None = None,
    ) -> None:
        self._pool, self._work = pool, work
        self._free = lanes
        self._round_of, self._most = round_of, waiting
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._rounds: set[asyncio.Task[None]] = set()

    async def add(self, piece: T) -> R:
        """The result for a piece. Raises BusyError where too many wait already, and what the work raises or returns."""
        if self._most is not None and len(self._waiting) >= self._most:
            raise BusyError
        result: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((piece, result))
        if self._free:
            self._free -= 1
            lane = asyncio.create_task(self._run())
            self._rounds.add(lane)  # the loop itself keeps no reference to a task
            lane.add_done_callback(self._rounds.discard)
        return await result

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[: self._round_of]
                del self._waiting[: self._round_of]
                await self._do(batch)
        finally:
            self._free += 1

    async def _do(self, batch: list[tuple[T, "asyncio.Future[R]"]]) -> None:
        try:
            results = await self._pool.run(lambda: self._work([piece for piece, _ in batch]))
        except Exception as error:  # noqa: BLE001 - handed to each of those who wait
            results = [error] * len(batch)
        for (_, waits), result in zip(batch, results, strict=True):
            if waits.cancelled():  # its client went away
                continue
            if isinstance(result, Exception):
                waits.set_exception(result)
            else:
                waits.set_result(result)
