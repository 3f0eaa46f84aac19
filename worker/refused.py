"""Records refused messages in a thread, and has Redis forget them: Celery's event loop must not wait for PostgreSQL."""

import logging
import threading
from collections import deque
from itertools import islice

from ledger.failures import LedgerError, as_ledger_errors
from ledger.session import Engine
from tasks.refusals import Refusal, record, tell
from tasks.rewriting import Rewriting

MOST_KEPT = 10_000
"""Refusals that may wait to be written, for example while PostgreSQL is away. Of more only the number is kept."""
AT_ONCE = 1_000
AGAIN_S = 5.0
OTHERS = "workers"
TOO_MANY = "more refused than could be kept while PostgreSQL was away or slow: {:,}"

log = logging.getLogger(__name__)


class Refusals:
    """Refusals on their way into the audit log, which a thread writes. The thread starts with the first one."""

    def __init__(self, engine: Engine, rewriting: Rewriting) -> None:
        """`rewriting`: makes Redis forget what was refused."""
        self._engine, self._rewriting = engine, rewriting
        self._waiting: deque[Refusal] = deque()
        self._left_out = 0
        self._trouble = ""
        self._lock = threading.Lock()
        self._some, self._closing = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, refusal: Refusal) -> None:
        """Add one, to be written soon."""
        if refusal.readable:
            self._rewriting.want()
        with self._lock:
            if len(self._waiting) < MOST_KEPT:
                self._waiting.append(refusal)
            else:
                self._left_out += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="refusals", daemon=True)
                self._thread.start()
        self._some.set()

    def close(self) -> None:
        """Write the rest, unless PostgreSQL is away, and end."""
        self._closing.set()
        self._some.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not (self._closing.is_set() and not self._waiting):
            self._some.wait(AGAIN_S if self._rewriting.is_wanted else None)
            self._some.clear()
            self._rewriting.see_to_it()
            while self._waiting or self._left_out:
                if not self._write():
                    if self._closing.is_set():
                        return
                    self._closing.wait(AGAIN_S)
                    self._rewriting.see_to_it()

    def _write(self) -> bool:
        with self._lock:
            batch = list(islice(self._waiting, AT_ONCE))
            left_out = self._left_out
        more = [Refusal(OTHERS, TOO_MANY.format(left_out))] if left_out else []
        try:
            with as_ledger_errors():
                record(self._engine, [*batch, *more])
        except LedgerError as error:
            if str(error) != self._trouble:  # one line when it begins, not one every few seconds
                log.warning("%d refusals cannot be written down yet: %s", len(self._waiting), error)
            self._trouble = str(error)
            return False
        with self._lock:
            for _ in batch:
                self._waiting.popleft()
            self._left_out -= left_out
        tell([*batch, *more])
        self._trouble = ""
        return True
