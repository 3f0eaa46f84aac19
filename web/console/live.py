"""What is shown live: rendered once for all who look at the same thing, and only while somebody does."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple

from ledger.failures import LedgerError
from web.pool import BusyError, Pool
from web.problems import Problem

EVERY_S = 2.0
"""How often what is looked at is rendered anew."""
SHARE = 0.1
"""The part of one thread's time that one thing may take: what is slow to render is rendered less often."""
MOST, MOST_OF_ONE = 500, 30
"""Streams of a process, and of one principal. A page that gets none asks by itself every few seconds."""


class Shown(NamedTuple):
    """A part of a page. `over`: it will not change any more."""

    html: str
    over: bool = False


Render = Callable[[], Shown]
"""Made in a thread. Raises LedgerError while the ledger is away."""


@dataclass
class Topic:
    """What some streams show."""

    shown: Shown | None = None
    version: int = 0
    watchers: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def show(self, shown: Shown) -> None:
        """Have the streams send it, where it is something new."""
        if shown != self.shown:
            self.shown, self.version = shown, self.version + 1
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()

    async def newer_than(self, version: int, within_s: float) -> bool:
        """Wait for another version, and no longer than this; whether there is one."""
        if self.version == version:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), within_s)
        return self.version != version


class Live:
    """The topics of a web process. One question to the ledger each interval, however many look at the same thing."""

    def __init__(self, reads: Pool, *, every_s: float = EVERY_S) -> None:
        self._reads, self._every_s = reads, every_s
        self._topics: dict[object, Topic] = {}
        self._tasks: dict[object, asyncio.Task[None]] = {}
        self._streams: Counter[str] = Counter()

    @asynccontextmanager
    async def watching(self, key: object, render: Render, who: str) -> AsyncIterator[Topic]:
        """The topic of this key while the caller looks at it; `who`: whose stream it is. Raises Problem where there are
        too many."""
        self.refuse_crowd(who)
        topic = self._topics.get(key)
        if topic is None:
            topic = self._topics[key] = Topic()
            self._tasks[key] = asyncio.create_task(self._keep(topic, render))
        topic.watchers += 1
        self._streams[who] += 1
        try:
            yield topic
        finally:
            topic.watchers -= 1
            self._streams[who] -= 1
            if not self._streams[who]:
                del self._streams[who]
            if not topic.watchers:
                del self._topics[key]
                self._tasks.pop(key).cancel()

    def refuse_crowd(self, who: str) -> None:
        """Raise Problem where this process, or this principal, has as many streams as can be."""
        if self._streams.total() >= MOST or self._streams[who] >= MOST_OF_ONE:
            raise Problem.later(429, "busy", "as many pages are live as can be; this one asks by itself", 10)

    @property
    def topics(self) -> int:
        """How many things are looked at."""
        return len(self._topics)

    async def _keep(self, topic: Topic, render: Render) -> None:
        while True:
            began = monotonic()
            with suppress(LedgerError, BusyError):  # what was shown stays until it can be told again
                topic.show(await self._reads.run(render))
            if topic.shown is not None and topic.shown.over:
                return
            await asyncio.sleep(max(self._every_s, (monotonic() - began) / SHARE))
