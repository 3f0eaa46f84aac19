"""One round of taking in: what came is recorded or refused, and leaves Redis; what cannot be, comes again."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from time import monotonic

from intake.take_in.inbox import Inbox
from ledger.failures import LedgerError
from ledger.sealing import UnsealError
from tasks.producers import Intake, Waits, take_in
from tasks.refusals import Refusal, tell

AT_ONCE = 200
PUT_OFF_AT_ONCE = 50
FIRST_AGAIN_S, LAST_AGAIN_S = 5.0, 600.0
"""When everything that was put off is retried: soon, then more and more rarely while nothing succeeds."""
LOOK_S = 60.0
"""How often to check whether other processes have put anything off."""
BETWEEN_S = 1.0
"""Time between rounds of what was put off, while they fail."""

log = logging.getLogger(__name__)


class AwayError(Exception):
    """Nothing can be taken in now, and nothing is lost. The message says why."""


class Rounds:
    """Takes in an inbox's messages."""

    def __init__(
        self, inbox: Inbox, intake: Intake, refused: Callable[[], None], now: Callable[[], float] = monotonic
    ) -> None:
        """`refused` is called after a message was removed that anybody could have read in Redis."""
        self._inbox, self._intake, self._refused, self._now = inbox, intake, refused, now
        self._apart = False
        self._again = PutOff(now)

    def run(self) -> bool:
        """Take in new messages, and those put off that are due; returns whether there were any.

        Raises AwayError and redis.RedisError: then the next round takes the same messages again.
        """
        count = self._again.due(self._inbox.count_put_off)
        new = self._inbox.take(AT_ONCE)
        if new and self._take_in(new):
            self._again.soon()
        if not count:
            return bool(new)
        old = self._inbox.take_put_off(count)
        self._again.tried(len(old), failed=self._take_in(old) if old else 0)
        return True

    def rests_s(self) -> float:
        """In how many seconds there may be something to do even without new messages."""
        return self._again.due_in_s()

    def look_soon(self) -> None:
        """Another process has put something off."""
        self._again.soon(0.0)

    def _take_in(self, items: Sequence[bytes]) -> int:
        """Take these in; returns how many were put off."""
        try:
            taken = take_in(items, self._intake, apart=self._apart)
        except (LedgerError, UnsealError) as error:
            self._apart = True  # perhaps one of them is the cause
            raise AwayError(str(error)) from None
        self._apart = False
        put_off = [item for item, one in zip(items, taken, strict=True) if isinstance(one, Waits)]
        self._inbox.done(put_off)
        for why, count in Counter(one.why for one in taken if isinstance(one, Waits)).items():
            log.error("%d messages of producers wait: %s", count, why)
        refused = [one for one in taken if isinstance(one, Refusal)]
        tell(refused)
        if any(one.readable for one in refused):
            self._refused()
        if recorded := len(items) - len(put_off) - len(refused):
            log.info("%d messages of producers are on record", recorded)
        return len(put_off)


class PutOff:
    """When messages that were put off are retried, and how many at once.

    All are retried in order, then there is a pause that grows while none succeeds. They begin one at a time: if one of
    them ends this process, the next process tries the others before it does.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._at, self._pause_s = 0.0, FIRST_AGAIN_S
        self._left, self._at_once, self._any_succeeded = 0, 1, False

    def soon(self, seconds: float = FIRST_AGAIN_S) -> None:
        """Retry them within so many seconds."""
        self._pause_s = FIRST_AGAIN_S
        now = self._now()
        self._at = now + seconds if self._at <= now else min(self._at, now + seconds)

    def due_in_s(self) -> float:
        """When they are retried, in seconds from now; 0 or less: now."""
        return self._at - self._now()

    def due(self, count: Callable[[], int]) -> int:
        """How many to retry now. `count` returns how many there are, and is called when a pause is over."""
        if self._now() < self._at:
            return 0
        if not self._left:
            self._left, self._any_succeeded = count(), False
        if not self._left:
            self._at = self._now() + LOOK_S
        return min(self._left, self._at_once)

    def tried(self, count: int, failed: int) -> None:
        """So many were retried, and so many of them failed again."""
        self._left = max(0, self._left - count) if count else 0
        self._at_once = min(2 * self._at_once, PUT_OFF_AT_ONCE)
        self._any_succeeded |= failed < count
        if self._left:
            self._at = self._now() + (BETWEEN_S if failed == count else 0.0)
            return
        self._pause_s = FIRST_AGAIN_S if self._any_succeeded else self._pause_s
        self._at = self._now() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LAST_AGAIN_S)
