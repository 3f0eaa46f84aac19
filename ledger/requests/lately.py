"""How many people each person has recently submitted without a second person: many small requests must not pass as
small."""

from collections.abc import Collection

from sqlalchemy import Connection, text

KEPT_DAYS = 8
"""Longer than any setting looks back."""


def exceeds(connection: Connection, persons: Collection[str], people: int, *, above: int, within_s: float) -> bool:
    """Whether a request of so many people, with what any of its submitters has sent within so many seconds, is more
    than `above`. One that is not is counted from now on.

    Concurrent requests of one person take turns from here until the caller commits.
    """
    names = sorted(persons)  # always in the same order, so that two requests do not deadlock
    connection.execute(_TAKE_TURNS, {"names": names})
    sent: int = connection.execute(_MOST, {"names": names, "within_s": within_s}).scalar_one()
    if sent + people > above:
        return True
    connection.execute(_ADD, {"names": names, "people": people})
    return False


# No row could be locked: each minute has its own, and a long upload began in an earlier one.
_TAKE_TURNS = text("""
    SELECT pg_advisory_xact_lock(hashtextextended('sent_lately ' || name, 0))
    FROM unnest(CAST(:names AS text[])) AS name
""")
_MOST = text("""
    SELECT COALESCE(max(sent), 0) FROM (
        SELECT sum(subjects) AS sent FROM sent_lately
        WHERE who = ANY(CAST(:names AS text[])) AND minute > clock_timestamp() - make_interval(secs => :within_s)
        GROUP BY who) AS of_each
""")
_ADD = text("""
    INSERT INTO sent_lately AS known (who, minute, subjects)
    SELECT name, date_trunc('minute', clock_timestamp()), :people FROM unnest(CAST(:names AS text[])) AS name
    ON CONFLICT (who, minute) DO UPDATE SET subjects = known.subjects + EXCLUDED.subjects
""")


def drop_old(connection: Connection) -> None:
    """Delete what no setting looks back to."""
    connection.execute(_DROP_OLD, {"days": KEPT_DAYS})


_DROP_OLD = text("DELETE FROM sent_lately WHERE minute < now() - make_interval(days => :days)")
