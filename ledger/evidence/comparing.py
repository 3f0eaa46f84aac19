"""Rows that are compared with the log in SQL, all of a kind at once, and how what differs is told."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, TextClause
from sqlalchemy.exc import DataError

MOST_NAMED = 5
SAYS = "CAST(convert_from(entry, 'UTF8') AS jsonb)"
"""What an entry of the log says."""
SAYING = f"CROSS JOIN LATERAL (SELECT {SAYS} AS says) AS its"


def never_logged(type_: str, row_id: str) -> str:
    """The condition that no entry of this type, in order or not yet, is about the row of this number."""
    return f"""
        NOT EXISTS (SELECT FROM log_entries WHERE type = '{type_}' AND row_id = {row_id})
        AND NOT EXISTS (SELECT FROM log_pending WHERE type = '{type_}' AND row_id = {row_id})
    """


class Comparison(NamedTuple):
    """A search for rows that must not exist. `{}` in the sentence stands for the names of those found."""

    says: str
    rows: TextClause
    """One column, and at most `:most` rows."""


def differing(connection: Connection, comparisons: Iterable[Comparison]) -> Iterator[str]:
    """What is not as it was logged: sentences."""
    for one in comparisons:
        try:
            with connection.begin_nested():
                found = connection.execute(one.rows, {"most": MOST_NAMED + 1}).scalars().all()
        except DataError:
            yield "entries of the log cannot be read, so rows cannot be compared with it: " + one.says.partition(":")[0]
            continue
        if found:
            yield one.says.format(named(found))


def named(found: Sequence[object]) -> str:
    """Some of them, as a sentence ends with."""
    return ", ".join(map(str, found[:MOST_NAMED])) + (" and others" if len(found) > MOST_NAMED else "")
