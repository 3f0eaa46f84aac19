"""How many people each person has sent lately with nobody else looking: many requests must not pass for few."""

from collections.abc import Collection

from sqlalchemy import Connection, text

KEPT_DAYS = 8
"""Longer than any setting looks back."""


def exceeds(connection: Connection, persons: Collection[str], people: int, *, above: int, within_s: float) -> bool:
    """Whether a request of so many people is more than `above`, with what any of its submitters has sent within so many
    seconds. One that is not is counted from now on.

    Requests of one person that come at the same moment take turns from here until the caller commits.
    """
    names = sorted(persons)  # in one order, so that two requests do not lock each other out
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
    """Drop what no setting looks back to."""
    connection.execute(_DROP_OLD, {"days": KEPT_DAYS})


_DROP_OLD = text("DELETE FROM sent_lately WHERE minute < now() - make_interval(days => :days)")
