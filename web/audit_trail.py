"""Writes the audit log of a busy web process: each decision is recorded before its answer is sent."""

from collections.abc import Callable, Sequence
from time import monotonic

from ledger.accounts import audit
from ledger.accounts.audit import UNKNOWN, Entry
from ledger.session import Engine
from web.batching import Together
from web.pool import Pool

SPARE_PER_S = 10.0
"""How many denials of unknown callers, and of callers over their rate limit, are recorded one by one. A flood of them
is only counted, so that it does not fill the disk."""
TOO_OFTEN = 429


class Trail:
    """Entries that arrive while others are being written are written together, so that hundreds a second cost few
    commits."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pool = Pool("audit", at_once=1, waiting=1)
        self._together = Together(self._pool, self._insert)
        self._spare, self._spare_of_ours = Spare(SPARE_PER_S), Spare(SPARE_PER_S)

    async def add(self, entry: Entry) -> None:
        """Return when the entry is committed. Raises ledger.failures.LedgerError."""
        if entry.by == NOBODY or entry.status == TOO_OFTEN:
            # Attempts at our own accounts must not be lost among those of strangers.
            ours = entry.by != NOBODY or entry.key_prefix or entry.account not in {None, UNKNOWN}
            dropped = (self._spare_of_ours if ours else self._spare).take()
            if dropped is None:
                return
            if dropped:
                entry = entry._replace(target=f"and {dropped} more like it")
        await self._together.add(entry)

    def _insert(self, entries: Sequence[Entry]) -> list[None]:
        with self._engine.begin() as connection:
            audit.add(connection, entries)
        return [None] * len(entries)

    def close(self) -> None:
        """Stop writing."""
        self._pool.close()


NOBODY = "nobody"


class Spare:
    """A token bucket that counts what it refuses."""

    def __init__(self, per_s: float, now: Callable[[], float] = monotonic) -> None:
        self._per_s, self._now = per_s, now
        self._tokens, self._at = per_s, now()
        self._dropped = 0

    def take(self) -> int | None:
        """None where there is no token; else how many were refused since the last one."""
        now = self._now()
        self._tokens = min(self._per_s, self._tokens + (now - self._at) * self._per_s)
        self._at = now
        if self._tokens < 1:
            self._dropped += 1
            return None
        self._tokens -= 1
        dropped, self._dropped = self._dropped, 0
        return dropped
