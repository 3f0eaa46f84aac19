"""Finds the crowds of a request (domain.crowds) at the cost of a few additions a person."""

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, MutableSequence
from typing import Any

from sqlalchemy import Connection, text

from domain.crowds import MANY_REPEAT, MANY_SHARE, Crowd, crowd_of, many_share
from ledger.people.prints import PrintsOfMany
from ledger.sealing import PRINT_BYTES

_SLOTS = 1 << 16
"""Counters of a byte each, as long as they suffice: they stay in the processor's cache."""
_SHARED = {"email": "email_print", "phone_number": "phone_print"}
"""What people may share, with the column of its fingerprint."""


class Suspicion:
    """Whether enough people may share an e-mail address or phone number that asking the ledger is worth it.

    Counts fingerprints in slots, by their first two bytes: memory is bounded, no crowd is missed, and few are suspected
    wrongly.
    """

    def __init__(self) -> None:
        self._emails: MutableSequence[int] = bytearray(_SLOTS)
        self._phones: MutableSequence[int] = bytearray(_SLOTS)

    def see(self, prints: PrintsOfMany) -> None:
        """Count these people."""
        self._emails = _counted(self._emails, prints.email)
        self._phones = _counted(self._phones, prints.phone_number)

    def aroused(self, least: int) -> bool:
        """Whether any slot has counted so many."""
        return max(self._emails) >= least or max(self._phones) >= least


def _counted(slots: MutableSequence[int], column: Iterable[bytes | None]) -> MutableSequence[int]:
    found = array("H", b"".join(filter(None, column)))[:: PRINT_BYTES // 2]
    try:
        for slot in found:
            slots[slot] += 1
    except ValueError:  # A byte counts no further. Some people are counted twice now, so none is missed.
        return _counted(array("I", list(slots)), column)
    return slots


def crowds_in(connection: Connection, request_id: int, people: int, suspicion: Suspicion | None) -> list[Crowd]:
    """The crowds among the people of a request."""
    least = many_share(people)
    if suspicion is None or not suspicion.aroused(least):
        return []
    found = []
    for shared, column in _SHARED.items():
        row = connection.execute(_COUNTS[column], {"request_id": request_id, "least": least}).one()
        if row.amount:
            found.append(Crowd(shared, row.amount, row.people, row.most))
    return found


_COUNTS = {
    column: text(f"""
        SELECT count(*) AS amount, CAST(sum(people) AS bigint) AS people, max(people) AS most
        FROM (SELECT count(*) AS people FROM subjects WHERE request_id = :request_id AND {column} IS NOT NULL
              GROUP BY {column} HAVING count(*) >= :least) AS many
    """)
    for column in _SHARED.values()
}


def crowds_among(people: Iterable[Mapping[str, Any]], lines: Counter[bytes]) -> list[Crowd]:
    """The same for few people, by the columns of their fingerprints; and by how many lines are identical."""
    people = list(people)
    found = []
    if len(people) >= MANY_SHARE:
        for shared, column in _SHARED.items():
            counts = Counter(person[column] for person in people if person[column] is not None)
            found.append(crowd_of(shared, counts.values()))
    if lines.total() - len(people) >= MANY_REPEAT - 1:
        found.append(crowd_of("line", lines.values()))
    return [crowd for crowd in found if crowd is not None]
