"""Turns: work that one process does at a time. A process that dies loses its turn when the time is over."""

from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, text


class Place(NamedTuple):
    """How far the work has got, in an order of times and ids."""

    moment: datetime
    id: int

    @classmethod
    def beginning(cls) -> "Place":
        """Before everything."""
        return cls(datetime.fromtimestamp(0, UTC), 0)


def take_turn(connection: Connection, work: str, for_s: float) -> Place | None:
    """Take the turn for so many seconds from when the caller commits, and get the place where to continue; None where
    another process has it."""
    row = connection.execute(_TAKE, {"work": work, "for_s": for_s}).one_or_none()
    return None if row is None else Place(row.at_moment, row.at_id)


_TAKE = text("""
    INSERT INTO turns AS turn (work, due_at, at_moment) VALUES (:work, now() + make_interval(secs => :for_s), 'epoch')
    ON CONFLICT (work) DO UPDATE SET due_at = excluded.due_at WHERE turn.due_at <= now()
    RETURNING at_moment, at_id
""")


def keep_turn(connection: Connection, work: str, for_s: float) -> None:
    """Keep the turn for so many more seconds."""
    connection.execute(_KEEP, {"work": work, "for_s": for_s})


def end_turn(connection: Connection, work: str) -> None:
    """Release the turn."""
    keep_turn(connection, work, 0.0)


_KEEP = text("UPDATE turns SET due_at = now() + make_interval(secs => :for_s) WHERE work = :work")


def note_place(connection: Connection, work: str, place: Place) -> None:
    """Record how far the work has got."""
    connection.execute(_NOTE, {"work": work, "moment": place.moment, "id": place.id})


_NOTE = text("UPDATE turns SET at_moment = :moment, at_id = :id WHERE work = :work")
