"""Each worker's own timer: due work is found even if nobody sends a message and clocks are wrong."""

import logging
import threading
import time
from collections.abc import Callable

from domain.unexpected import type_and_place
from ledger.failures import LedgerError, as_ledger_errors
from tasks.queues import BrokerError

LOOK = "look"
LOOK_S = 1.0
"""How often one of all workers looks, and so the most that a lost wake-up costs."""
LOOKS_ANYWAY = 5
"""After this long without the turn, a worker looks without it: the one that has it may be frozen or cut off."""
NOTE_S = 20.0
"""How often a worker records which vendors it serves: several times within
`ledger.held.SERVED_WITHIN_S`."""

log = logging.getLogger(__name__)


class Clock:
    """Looks for due work in a thread of its own until told to stop. It counts seconds, and uses no time of day."""

    def __init__(
        self,
        look: Callable[[], object],
        *,
        take_turn: Callable[[str, float], bool],
        note_served: Callable[[], None],
        note_answers: Callable[[], None],
        stopping: threading.Event,
        look_s: float = LOOK_S,
    ) -> None:
        self._look, self._take_turn, self._note_served = look, take_turn, note_served
        self._note_answers = note_answers
        self._stopping, self._look_s = stopping, look_s
        self._looked_at = self._noted_at = float("-inf")
        self._trouble = ""
        self._thread = threading.Thread(target=self._run, name="clock", daemon=True)

    def start(self) -> None:
        """Start, with a first look at once."""
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait until it has stopped."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            trouble = ""
            try:
                with as_ledger_errors():
                    self._once()
            except LedgerError as error:
                trouble = f"PostgreSQL: {error}"
            except BrokerError:
                trouble = "Redis cannot be used (`consent doctor` says why)"
            except Exception as error:  # noqa: BLE001 - a fault of ours; a clock that stands still is missed by nobody
                trouble = type_and_place(error)
            self._tell(trouble)
            if self._stopping.wait(self._look_s):
                return

    def _once(self) -> None:
        now = time.monotonic()
        if now - self._noted_at >= NOTE_S:
            self._note_served()
            self._noted_at = now
        away: BrokerError | None = None
        try:
            is_ours = self._take_turn(LOOK, 0.9 * self._look_s)
        except BrokerError as error:
            is_ours, away = False, error
        if is_ours or now - self._looked_at >= LOOKS_ANYWAY * self._look_s:
            self._look()
            self._looked_at = now
        self._note_answers()  # last: nobody waits for it
        if away is not None:  # also if nothing was to send: Redis is back only when it has accepted a write
            raise away

    def _tell(self, trouble: str) -> None:
        # Log it once, and not every second.
        if trouble and trouble != self._trouble:
            log.warning("cannot look for due work: %s; trying again each second", trouble)
        elif self._trouble and not trouble:
            log.info("due work is looked for again")
        self._trouble = trouble
