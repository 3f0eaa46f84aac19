"""Looks for due work: the ledger says what is due, and one message is sent for each sort of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ledger import due
from ledger.due import Due
from ledger.session import Engine
from tasks.queues import DEADLINES, DISPATCH, LOG, NOTIFY, RESOLVE, SETTLE, VOLUMES, WakeUp

NOTIFY_S = 2.0
RESOLVE_S = 1.0
LOG_S = 2.0
SETTLE_S = 5.0
SETTLE_AT_REST_S = 60.0
"""The last resort: how often to look where nothing is known to be open."""
CHORES = {DEADLINES: 3600.0, VOLUMES: 600.0}
"""Chores that are due whatever the ledger holds, with their interval in seconds."""
CHORE_AGAIN_S = 300.0
"""A chore that has not ended by then is begun again: its worker, or its message, is lost."""


@dataclass(frozen=True)
class Lookout:
    """What looking needs."""

    engine: Engine
    take_turn: Callable[[str, float], bool] = field(repr=False)
    """Take the turn of this name for so many seconds, unless somebody else has it; raises tasks.queues.BrokerError."""
    wake: Callable[..., None] = field(repr=False)
    """Sends wake-ups, except of a sort that still waits in its queue; raises tasks.queues.BrokerError."""
    resolves: bool = False
    """Whether there is a directory to ask."""
    see_log: Callable[[int], None] = field(default=lambda _: None, repr=False)
    """Is told each time how many entries the log has, before anybody is woken."""


def look(lookout: Lookout) -> list[WakeUp]:
    """Wake the workers for everything that is due now; returns what was due. Any number may look at once, and none
    must."""
    with lookout.engine.begin() as connection:
        found = due.find(connection)
    lookout.see_log(found.log_size)
    wanted = [WakeUp(DISPATCH, vendor) for vendor in sorted(found.vendors)]
    wanted += [
        WakeUp(one.task)
        for one in _now_and_then(found, lookout.resolves)
        if one.is_due and lookout.take_turn(one.turn or one.task, one.every_s)
    ]
    if wanted:
        lookout.wake(*wanted)
    return wanted


class _NowAndThen(NamedTuple):
    task: str
    is_due: bool
    every_s: float
    turn: str = ""


def _now_and_then(found: Due, resolves: bool) -> Iterator[_NowAndThen]:
    yield _NowAndThen(SETTLE, found.unsettled, SETTLE_S)
    yield _NowAndThen(SETTLE, not found.unsettled, SETTLE_AT_REST_S, f"{SETTLE}.at-rest")
    yield _NowAndThen(NOTIFY, found.to_tell, NOTIFY_S)
    yield _NowAndThen(RESOLVE, found.to_resolve and resolves, RESOLVE_S)
    yield _NowAndThen(LOG, found.to_log, LOG_S)
    for chore in CHORES:
        yield _NowAndThen(chore, is_due=True, every_s=CHORE_AGAIN_S)
