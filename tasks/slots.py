"""Limits the requests in flight of one process at one vendor, in turn between producers' requests."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

Waiter = asyncio.Future[None]


@dataclass
class FairSlots:
    """Slots for one vendor, on one event loop.

    A caller who finds none free waits in the line of its request. The lines take turns, so one call of a small request
    waits behind one of each other request, and not behind all of a campaign. Taking, returning and passing on a slot
    cost the same however many wait.
    """

    size: int
    """How many may be taken; `resize` changes it."""
    crowded: Callable[[int], bool] = field(default=lambda _: False, repr=False)
    """Whether, with so many more, enough wait for permits: a slot that would only wait there should be given later, to
    those who are next then. Call `hand_on` when this may have changed."""
    taken: int = field(default=0, init=False)
    _lines: OrderedDict[int, deque[Waiter]] = field(default_factory=OrderedDict, init=False, repr=False)
    _woken: int = field(default=0, init=False)
    """Given a slot, and not running yet."""

    def of(self, request_id: int) -> "Turn":
        """The slots of one request: `async with slots.of(request_id): …`; reusable."""
        return Turn(self, request_id)

    def resize(self, size: int) -> None:
        """Set the size. Slots that are taken stay taken until they are returned."""
        self.size = size
        self.hand_on()

    def hand_on(self) -> None:
        """Give free slots to those whose turn it is."""
        while self._lines and self._free():
            request_id, line = self._lines.popitem(last=False)
            waiter = line.popleft()
            if line:
                self._lines[request_id] = line  # now all other lines come first
            if not waiter.done():  # otherwise it was cancelled
                self.taken += 1
                self._woken += 1
                waiter.set_result(None)

    def _free(self) -> bool:
        # Those just woken have not yet reached the place where they may wait for a permit.
        return self.taken < self.size and not self.crowded(self._woken)

    async def wait(self, request_id: int) -> None:
        """Wait in the request's line for a slot."""
        waiter = asyncio.get_running_loop().create_future()
        line = self._lines.get(request_id)
        if line is None:
            line = self._lines[request_id] = deque()
        line.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():  # given a slot in the same moment
                self._woken -= 1
                self.give_back()
            raise
        self._woken -= 1
        if self._lines and not self._woken:
            asyncio.get_running_loop().call_soon(self.hand_on)  # after this task has reached its next wait

    def try_take(self) -> bool:
        """Take a slot if one is free and nobody waits for it."""
        if self._lines or not self._free():
            return False
        self.taken += 1
        return True

    def give_back(self) -> None:
        """Return a slot."""
        self.taken -= 1
        if self._lines:
            self.hand_on()


class Turn:
    """An async context manager that holds one slot; any number of tasks may be inside at once."""

    __slots__ = ("_request_id", "_slots")

    def __init__(self, slots: FairSlots, request_id: int) -> None:
        self._slots = slots
        self._request_id = request_id

    async def __aenter__(self) -> None:
        if not self._slots.try_take():
            await self._slots.wait(self._request_id)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._slots.give_back()
