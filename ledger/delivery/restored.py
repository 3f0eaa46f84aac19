"""A ledger that was restored from a backup: noted, every vendor held, and let go when a person has looked at it."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

HELD = "restored"
"""Why such a vendor is held, and by whom."""
TO_DO = "`consent restored` shows what was done since, and with --because lets the vendors go on"


class RestoredError(Exception):
    """This ledger was restored from a backup, so no vendor is let go by itself: `consent restored` lets all go on."""

    def __init__(self) -> None:
        super().__init__(f"this ledger was restored from a backup and every vendor is held: {TO_DO}")


class Restore(NamedTuple):
    """A restored backup that nobody has dealt with yet."""

    found_at: datetime
    entries: int
    """That the ledger's log had."""
    copy_entries: int
    """That its copy had."""


def open_restore(connection: Connection) -> Restore | None:
    """The restored backup for which every vendor is held; None where there is none."""
    row = connection.execute(_OPEN).one_or_none()
    return None if row is None else Restore(*row)


_OPEN = text("SELECT found_at, entries, copy_entries FROM restores WHERE lifted_at IS NULL")


def note(connection: Connection, entries: int, copy_entries: int, copy_root: bytes) -> bool:
    """Note that the ledger is behind the copy of its log, and hold every vendor; what was queued waits. False where
    that was noted before.

    Vendors that are held by hand stay so when the others are let go.
    """
    noted = {"entries": entries, "copy_entries": copy_entries, "copy_root": copy_root}
    is_new = connection.execute(_NOTE, noted).rowcount == 1
    connection.execute(_HOLD_ALL, {"held": HELD})
    connection.execute(_TAKE_BACK)
    return is_new


_NOTE = text("""
    INSERT INTO restores (entries, copy_entries, copy_roots)
    SELECT :entries, :copy_entries, ARRAY[CAST(:copy_root AS bytea)]
    WHERE NOT EXISTS (SELECT FROM restores WHERE lifted_at IS NULL)
    ON CONFLICT DO NOTHING -- another process is noting it
""")
_HOLD_ALL = text("""
    UPDATE vendors
    SET held_at = COALESCE(held_at, now()), held_reason = :held, held_by = :held, probe_at = NULL, probe_interval_s = 0
    WHERE COALESCE(held_by, 'worker') = 'worker'
""")
# Messages of before may still lie in Redis. A worker takes up only what is queued.
_TAKE_BACK = text("UPDATE chunks SET state = 'waiting', due_at = now() WHERE CAST(state AS text) = 'queued'")


def was_lifted(connection: Connection, copy_root: bytes) -> bool:
    """Whether a person has dealt with a ledger that was behind this copy."""
    return bool(connection.execute(_WAS_LIFTED, {"copy_root": copy_root}).scalar_one())


_WAS_LIFTED = text("""
    SELECT EXISTS (SELECT FROM restores WHERE :copy_root = ANY(copy_roots) AND lifted_at IS NOT NULL)
""")


def keep_held(connection: Connection, vendor: str, by: str) -> bool:
    """Keep a vendor held by hand when the others are let go. False where it was held by hand already, or no vendor has
    this name."""
    return connection.execute(_KEEP_HELD, {"name": vendor, "by": by, "held": HELD}).rowcount == 1


_KEEP_HELD = text("""
    UPDATE vendors SET held_reason = 'by_hand', held_by = :by WHERE name = :name AND held_by = :held
""")


def lift(connection: Connection, by: str, because: str, copy_roots: Sequence[bytes]) -> list[str]:
    """Let the vendors go on that are held for the restored backup; returns their names. `copy_roots`: of the copies
    that the ledger is behind and that are dealt with."""
    connection.execute(_LIFT, {"by": by, "because": because, "copy_roots": list(copy_roots)})
    return list(connection.execute(_LET_GO, {"held": HELD}).scalars())


_LIFT = text("""
    UPDATE restores
    SET lifted_at = now(), lifted_by = :by, because = :because,
        copy_roots = copy_roots || CAST(:copy_roots AS bytea[])
    WHERE lifted_at IS NULL
""")
_LET_GO = text("""
    UPDATE vendors SET strikes = 0, held_at = NULL, held_reason = NULL, held_by = NULL
    WHERE held_by = :held RETURNING name
""")
