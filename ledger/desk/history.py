"""What people have done to a request, and who its people are, for those who look after it."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from domain.requests import Subject
from ledger.data_keys import keeps, wrapped_key
from ledger.keys import open_key
from ledger.people.opening import open_block
from ledger.sealing import MasterKeys


class Note(NamedTuple):
    """A deed: when, whose, at which vendor if at one, and why."""

    at: datetime
    by: str
    deed: str
    vendor: str | None
    because: str | None


def notes_of(connection: Connection, public_id: UUID, most: int) -> list[Note]:
    """The latest deeds to a request, so many at most, the newest first."""
    return [Note(*row) for row in connection.execute(_NOTES, {"public_id": public_id, "most": most})]


_NOTES = text("""
    SELECT notes.at, notes.by, notes.deed, vendors.name, notes.reason
    FROM requests JOIN notes ON notes.request_id = requests.id LEFT JOIN vendors ON vendors.id = notes.vendor_id
    WHERE requests.public_id = :public_id ORDER BY notes.id DESC LIMIT :most
""")


def people_at(connection: Connection, masters: MasterKeys, public_id: UUID, lines: Sequence[int]) -> dict[int, Subject]:
    """The people on these lines of a request, by line; nobody where they are forgotten. Raises
    ledger.sealing.UnsealError."""
    rows = connection.execute(_PEOPLE, {"public_id": public_id, "lines": list(lines)}).all()
    if not rows:
        return {}
    key = open_key(masters, public_id, rows[0].data_key)
    people = open_block(key, rows[0].request_id, [(row.line, row.sealed) for row in rows])
    return {row.line: person for row, person in zip(rows, people, strict=True)}


_PEOPLE = text(f"""
    SELECT {wrapped_key()} AS data_key, subjects.request_id, line, sealed
    FROM requests JOIN subjects ON subjects.request_id = requests.id
    WHERE public_id = :public_id AND sealed <> '' AND {keeps("subjects")} AND line = ANY(CAST(:lines AS integer[]))
    ORDER BY line
""")
