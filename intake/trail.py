"""Writing the audit log from a busy web process: each decision stands in it before its answer goes out."""

import asyncio
from collections.abc import Callable
from time import monotonic

from intake.pool import Pool
from ledger import audit
from ledger.audit import Entry
from ledger.session import Engine

SPARE_PER_S = 10.0
"""Denials of nobody in particular, and of whoever asks too often, that are kept one by one; a flood of them is counted,
and must not fill the disk."""
TOO_OFTEN = 429


class Trail:
    """Entries that come while others are being written go in together, so that hundreds a second cost few commits."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pool = Pool("audit", at_once=1, waiting=1)
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._spare = Spare(SPARE_PER_S)

    async def add(self, entry: Entry) -> None:
        """Return when the entry stands. Raises ledger.failures.LedgerError."""
        if entry.by == NOBODY or entry.status == TOO_OFTEN:
            dropped = self._spare.take()
            if dropped is None:
                return
            if dropped:
                entry = entry._replace(target=f"and {dropped} more like it")
        stands: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, stands))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await stands

    async def _write(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._write_batch(batch)
        finally:
            self._writing = None

    async def _write_batch(self, batch: list[tuple[Entry, "asyncio.Future[None]"]]) -> None:
        try:
            await self._pool.run(lambda: self._insert([entry for entry, _ in batch]))
        except Exception as error:  # noqa: BLE001 - handed to each of those who wait
            for _, stands in batch:
                if not stands.cancelled():
                    stands.set_exception(error)
        else:
            for _, stands in batch:
                if not stands.cancelled():
                    stands.set_result(None)

    def _insert(self, entries: list[Entry]) -> None:
        with self._engine.begin() as connection:
            audit.add(connection, entries)

    def close(self) -> None:
        """Write no more."""
        self._pool.close()


NOBODY = "nobody"


class Spare:
    """A token bucket that counts what it turns away."""

    def __init__(self, per_s: float, now: Callable[[], float] = monotonic) -> None:
        self._per_s, self._now = per_s, now
        self._tokens, self._at = per_s, now()
        self._dropped = 0

    def take(self) -> int | None:
        """None where there is no token; else how many were turned away since the last one."""
        now = self._now()
        self._tokens = min(self._per_s, self._tokens + (now - self._at) * self._per_s)
        self._at = now
        if self._tokens < 1:
            self._dropped += 1
            return None
        self._tokens -= 1
        dropped, self._dropped = self._dropped, 0
        return dropped
