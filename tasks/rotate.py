"""Rotates master keys: wraps everything anew by the newest one, in steps, beside whatever else goes on."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, sleep

from ledger import master_keys, rewrapping
from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.master_keys import Wrapped, name_of
from ledger.sealing import MasterKeys
from ledger.session import Engine

STEP = 4_000
"""Rows looked at in one transaction."""
WAIT_S, LOOK_S = 20.0, 0.1
"""How long transactions that may still use an older key are waited for, and how often they are looked at."""

Progress = Callable[[int], None]
"""Called after each step with how many keys have been wrapped anew so far."""


@dataclass(frozen=True)
class Rotated:
    """What a rotation did, and what each master key wraps now. `settled`: nothing that began before can still add to
    what an older key wraps."""

    rewrapped: int
    keys: list[Wrapped]
    settled: bool


def rotate(engine: Engine, masters: MasterKeys, by: str, progress: Progress) -> Rotated:
    """Wrap the fingerprint key and all data keys anew by the newest master key. It may be stopped anywhere and called
    again, and several may run at once.

    Raises ledger.sealing.UnsealError where something is wrapped by a key that is neither given nor given up.
    """
    with engine.begin() as connection:
        began = rewrapping.number_of(connection)
        master_keys.check_master_keys(connection, masters)
        said = f"to the master key {name_of(masters.ids[0])}"
        audit.add(connection, [Entry(by, "master-key rotate", allowed=True, because=said)])
        total = rewrapping.rewrap_fingerprint_keys(connection, masters)
    deadline = monotonic() + WAIT_S
    while True:
        settled = _wait_for(engine, began, deadline)
        total = _rewrap_all(engine, masters, total, progress)
        with engine.begin() as connection:
            master_keys.strike_out_unused(connection, masters)
            keys = master_keys.wrapped_by_each(connection)
        # What was locked has been skipped.
        if not any(one.is_needed and one.id in masters.ids[1:] for one in keys) or monotonic() > deadline:
            return Rotated(total, keys, settled)


def _rewrap_all(engine: Engine, masters: MasterKeys, total: int, progress: Progress) -> int:
    for place in rewrapping.PLACES:
        after: int | None = 0
        while after is not None:
            with engine.begin() as connection:
                done, after = rewrapping.rewrap(connection, masters, place, after, STEP)
            total += done
            progress(total)
    return total


def _wait_for(engine: Engine, before: int, deadline: float) -> bool:
    """Whether all that began before has ended in time: a long upload seals with what was the newest key then."""
    while True:
        with engine.connect() as connection:
            if rewrapping.have_ended(connection, before):
                return True
        if monotonic() > deadline:
            return False
        sleep(LOOK_S)
