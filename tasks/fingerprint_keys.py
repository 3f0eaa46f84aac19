"""Replaces the fingerprint key beside whatever else goes on, and lets go of older ones when nothing needs them."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TypeVar

from ledger.accounts import audit
from ledger.accounts.audit import Entry
from ledger.keys import check_keys, fingerprinter
from ledger.requests import fingerprint_keys, key_needs, reprinting
from ledger.requests.fingerprint_keys import StillWritingError
from ledger.requests.key_needs import Key
from ledger.sealing import MasterKeys
from ledger.session import Engine

PATIENCE_S, PAUSE_S = 120.0, 1.0
"""How long a change of keys is tried beside submissions that take their time, a file being uploaded for instance, and
the pause between two attempts."""
STEPS = 1_000
"""How much one call of `go_on` does. The rest is left to the next one."""

T = TypeVar("T")
Progress = Callable[[int], None]
"""Called after each step with how many people have been fingerprinted anew so far."""


@dataclass(frozen=True)
class Replaced:
    """What a rotation did: how many people were fingerprinted anew, how many could not be read, and the keys now.
    `resumed`: it was begun before."""

    people: int
    unreadable: int
    resumed: bool
    keys: list[Key]


def rotate(engine: Engine, masters: MasterKeys, by: str, progress: Progress) -> Replaced:
    """Replace the fingerprint key, or finish a rotation that was begun. It may be stopped anywhere and called again,
    and several may run at once.

    Raises StillWritingError, ledger.sealing.UnsealError; nothing is begun where a master key is missing.
    """
    with engine.begin() as connection:
        check_keys(connection, masters)
    resumed = _patiently(lambda: _begin(engine, masters, by))
    people = unreadable = 0
    while (step := _reprint(engine, masters)) is not None:
        people, unreadable = people + step.people, unreadable + step.unreadable
        progress(people)
    _patiently(lambda: _finish(engine))
    while _tidy(engine):
        pass
    with engine.begin() as connection:
        return Replaced(people, unreadable, resumed, key_needs.keys_of(connection))


def go_on(engine: Engine, masters: MasterKeys) -> int:
    """Finish what a rotation that was stopped has left, and let go of what nothing needs; returns the number of steps.
    A change that would have to wait is left to the next call. Raises ledger.sealing.UnsealError."""
    try:
        return _go_on(engine, masters)
    except StillWritingError:
        return 0


def _go_on(engine: Engine, masters: MasterKeys) -> int:
    done = 0
    while done < STEPS and _reprint(engine, masters) is not None:
        done += 1
    if done == STEPS:
        return done
    _finish(engine)
    while done < STEPS and (_tidy(engine) or _look_on(engine) or _drop(engine)):
        done += 1
    return done


def _look_on(engine: Engine) -> bool:
    with engine.begin() as connection:
        return key_needs.look_on(connection)


def _drop(engine: Engine) -> bool:
    with engine.begin() as connection:
        return bool(fingerprint_keys.drop_unneeded(connection))


def _begin(engine: Engine, masters: MasterKeys, by: str) -> bool:
    """Whether one is being replaced already."""
    with engine.begin() as connection:
        number = fingerprint_keys.replace(connection, masters)
        said = f"to the fingerprint key {number}" if number else "goes on with the one that was begun"
        audit.add(connection, [Entry(by, "fingerprint-key rotate", allowed=True, because=said)])
    return number is None


def _reprint(engine: Engine, masters: MasterKeys) -> reprinting.Step | None:
    with engine.begin() as connection:
        prints = fingerprinter(connection, masters)
        return reprinting.reprint(connection, masters, prints) if prints.reprinting else None


def _finish(engine: Engine) -> None:
    while _delete_filters(engine):
        pass
    with engine.begin() as connection:
        fingerprint_keys.all_are_reprinted(connection)


def _delete_filters(engine: Engine) -> bool:
    with engine.begin() as connection:
        return fingerprint_keys.delete_filters(connection)


def _tidy(engine: Engine) -> bool:
    with engine.begin() as connection:
        return fingerprint_keys.tidy(connection)


def _patiently(change: Callable[[], T]) -> T:
    """Between two attempts those who have waited behind it go first."""
    deadline = monotonic() + PATIENCE_S
    while True:
        try:
            return change()
        except StillWritingError:
            if monotonic() > deadline:
                raise
        sleep(PAUSE_S)
