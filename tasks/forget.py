"""Forgets people by age: those of whole requests, or all but those who still wait."""

import logging
from collections.abc import Callable
from time import monotonic

from ledger.requests.forgetting_by_age import Place, forget_next
from ledger.requests.resealing import reseal_next
from ledger.retention import Periods
from ledger.sealing import MasterKeys
from ledger.session import Engine

log = logging.getLogger(__name__)

TURN_S = 60.0
"""How long one call goes on: a few hundred thousand requests, and well within `look.CHORE_AGAIN_S`."""


def forget_people(engine: Engine, masters: MasterKeys, periods: Periods) -> int:
    """Forget whose days are over; returns of how many requests. Any number may run at once, and each step is a
    transaction. The rest is left to the next call.

    Raises ledger.sealing.UnsealError.
    """
    enough = _after(TURN_S)
    total = 0
    for kind, days in periods.forget.items():
        place: Place | None = None if days is None else Place()
        while days is not None and place is not None and not enough():
            with engine.begin() as connection:
                step = forget_next(connection, kind, days, place, masters)
            place = step.then
            total += step.whole + step.in_part
    if total:
        log.info("people of %d requests forgotten, their days being over", total)
    return total


def reseal_people(engine: Engine, masters: MasterKeys) -> int:
    """Give those who still wait a key of their own, where all others of their request are forgotten and their
    fingerprints deleted; returns how many requests were looked at. What is under way is left to the next call.

    Raises ledger.sealing.UnsealError.
    """
    enough = _after(TURN_S)
    looked_at, after = 0, 0
    while not enough():
        with engine.begin() as connection:
            found = reseal_next(connection, masters, after)
        if found is None:
            break
        looked_at, after = looked_at + 1, found
    return looked_at


def _after(seconds: float) -> Callable[[], bool]:
    until = monotonic() + seconds
    return lambda: monotonic() > until
