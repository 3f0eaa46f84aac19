"""Keeps the log: hashes the outcomes of what has closed, puts in order what happened, and signs."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from evidence.keys import SigningKey
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.evidence import outcome_trees, sequencer
from ledger.evidence.lines import NoTreeError, Request, requests_of
from ledger.sealing import MasterKeys, UnsealError
from ledger.session import Connection, Engine
from tasks import log_copy, timestamps
from tasks.log_copy import LogCopy
from tasks.timestamps import Stamping

log = logging.getLogger(__name__)

BY = "log"
"""Who keeps the log, in the audit log."""
TURN_S = 4.0
"""How long one call goes on. The rest is left to the next call."""
MARKS, LINES = 500, 20_000
"""Requests whose outcomes are hashed in one transaction, until they have so many lines: a fifth of a second, in which a
campaign may begin, or somebody ask for a certificate, who waits for the end of it. One request alone may have more."""
PUT_OFF_S = 900.0
"""While there is anything to deliver, outcomes are hashed so long after their request closed: hashing would take a
campaign's time. Somebody who asks for a certificate waits for nothing."""


@dataclass(frozen=True)
class LogKeeper:
    """What keeping the log needs."""

    engine: Engine
    masters: MasterKeys = field(repr=False)
    signing_key: Callable[[], SigningKey | None] = field(repr=False)
    """The newest signing key, read anew at each call: it may have been changed. None: nothing is signed."""
    origin: str | None = None
    copy: LogCopy | None = None
    """Where a copy of the log is kept, outside of the ledger."""
    stopping: Callable[[], bool] = field(default=lambda: False, repr=False)
    stamping: Stamping | None = None
    """How the log is stamped, once a day; None: it is not."""


def keep_log(keeper: LogKeeper) -> int:
    """Do what is due, for some seconds; returns how many entries were put in order. Any number may run at once."""
    enough = monotonic() + TURN_S
    if keeper.copy is not None:
        log_copy.check(keeper.engine, keeper.copy)
    while keep_trees(keeper) and not keeper.stopping() and monotonic() < enough:
        pass
    moved = order(keeper, lambda: keeper.stopping() or monotonic() > enough)
    if keeper.copy is not None:
        log_copy.keep_up(keeper.engine, keeper.copy)
    if keeper.stamping is not None:
        timestamps.stamp(keeper.engine, keeper.stamping)
    return moved


def order(keeper: LogKeeper, enough: Callable[[], bool] = lambda: False, *, wait: bool = False) -> int:
    """Put what was logged in order and sign, until nothing is left or it is `enough`. `wait` while others do it, and
    have the log signed with the key of now: after a rotation that was taken back, an earlier key is the newest again.
    """
    key, total = keeper.signing_key(), 0
    while True:
        with keeper.engine.begin() as connection:
            moved = sequencer.advance(connection, key, keeper.origin, wait=wait)
        total += moved
        if moved < sequencer.STEP or enough():
            break
    if wait and key is not None:
        with keeper.engine.begin() as connection:
            total += _sign_again(connection, keeper, key)
    return total


def _sign_again(connection: Connection, keeper: LogKeeper, key: SigningKey) -> int:
    """Only for who waits: two workers with different keys would have the log grow for ever."""
    if not sequencer.is_signed_otherwise(connection, key):
        return 0
    audit.add(connection, [Entry(BY, "signing-key again", allowed=True, target=key.public.fingerprint[:16])])
    return sequencer.advance(connection, key, keeper.origin, wait=True)


def keep_trees(keeper: LogKeeper) -> bool:
    """Make the trees of requests that have changed, some of them; whether there may be more."""
    with keeper.engine.begin() as connection:
        if not outcome_trees.take_turn(connection, wait=False):
            return False
        closed_for_s = PUT_OFF_S if outcome_trees.deliveries_are_under_way(connection) else 0.0
        due = outcome_trees.take_due(connection, MARKS, LINES, closed_for_s)
        for request in requests_of(connection, due):
            _make(connection, request, keeper.masters)
        return not closed_for_s and outcome_trees.any_due(connection)


def _make(connection: Connection, request: Request, masters: MasterKeys) -> None:
    try:
        outcome_trees.make(connection, request, masters)
    except NoTreeError as error:
        log.info("a request has no tree of its outcomes: %s", error)
    except UnsealError as error:
        log.error("the outcomes of a request cannot be hashed: %s", error)
