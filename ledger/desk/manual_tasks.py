"""What people have to ask recipients without an API for: by request, and person by person."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from domain.by_hand import ByHand
from domain.file_lines import FileLines
from domain.outcomes import Reason
from domain.requests import Subject
from ledger import by_hand
from ledger.data_keys import has_key, wrapped_key
from ledger.keys import key_unless_given_up
from ledger.people.opening import open_block
from ledger.rounds import LATEST
from ledger.sealing import MasterKeys

AT_ONCE = 1_000


class Task(NamedTuple):
    """Deliveries of one request that a person has to ask one recipient for. `due_at`: for the recipient."""

    recipient: str
    title: str
    request_id: UUID
    kind: str
    received_at: datetime
    due_at: datetime
    deliveries: int


class AskedFor(NamedTuple):
    """One person whom a recipient is asked about."""

    request_id: UUID
    kind: str
    line: int
    file_line: int | None
    received_at: datetime
    due_at: datetime
    subject: Subject

    def __repr__(self) -> str:
        return f"AskedFor(request_id={self.request_id}, line={self.line})"


def tasks(connection: Connection, recipient: str | None = None, request_id: UUID | None = None) -> list[Task]:
    """What waits to be asked for, of one recipient and one request or of all; what is due first comes first."""
    known = by_hand.recipients(connection)
    values = {"vendor": recipient, "public_id": request_id}
    found = [
        Task(
            row.name,
            known[row.name].title,
            row.public_id,
            row.kind,
            row.received_at,
            known[row.name].due(row.received_at, row.due_at),
            row.deliveries,
        )
        for row in connection.execute(_TASKS, values)
        if row.name in known
    ]
    return sorted(found, key=lambda task: (task.due_at, task.recipient, task.request_id))


_WAITING = f"""
    FROM outcomes
    JOIN vendors ON vendors.id = outcomes.vendor_id AND vendors.by_hand IS NOT NULL
    JOIN requests ON requests.id = outcomes.request_id AND requests.status <> 'cancelled'
    WHERE outcome = 'needs_action' AND outcomes.reason = '{Reason.MANUAL}' AND {LATEST}
"""
_TASKS = text(f"""
    SELECT vendors.name, requests.public_id, CAST(requests.kind AS text) AS kind, requests.received_at, requests.due_at,
        count(*) AS deliveries
    {_WAITING} AND (CAST(:vendor AS text) IS NULL OR vendors.name = :vendor)
        AND (CAST(:public_id AS uuid) IS NULL OR requests.public_id = :public_id)
    GROUP BY vendors.name, requests.id
""")


def asked_for(
    connection: Connection, masters: MasterKeys, recipient: str, known: ByHand, request_id: UUID | None = None
) -> Iterator[AskedFor]:
    """Everybody whom a recipient is to be asked about, opened, the oldest request first; in constant memory. People
    who are forgotten are left out, and those whose master key was given up. Raises ledger.sealing.UnsealError where a
    master key is only missing here."""
    waiting = connection.execute(_REQUESTS, {"vendor": recipient, "public_id": request_id}).all()
    for request in waiting:
        key = key_unless_given_up(connection, masters, request.public_id, request.data_key)
        if key is None:
            continue
        file_lines = FileLines.unpacked(request.file_lines)
        due_at = known.due(request.received_at, request.due_at)
        after = 0
        while rows := connection.execute(_PEOPLE, {"id": request.id, "vendor": recipient, "after": after}).all():
            subjects = open_block(key, request.id, [(row.line, row.sealed) for row in rows])
            for row, subject in zip(rows, subjects, strict=True):
                place = (row.line, file_lines.of(row.line))
                yield AskedFor(request.public_id, request.kind, *place, request.received_at, due_at, subject)
            after = rows[-1].line


_REQUESTS = text(f"""
    SELECT DISTINCT requests.id, requests.public_id, CAST(requests.kind AS text) AS kind, requests.received_at,
        requests.due_at, {wrapped_key()} AS data_key, requests.file_lines
    {_WAITING} AND vendors.name = :vendor AND {has_key()}
        AND (CAST(:public_id AS uuid) IS NULL OR requests.public_id = :public_id)
    ORDER BY requests.received_at, requests.id
""")
_OF_PEOPLE = _WAITING.replace("    WHERE outcome", "    JOIN subjects USING (request_id, line)\n    WHERE outcome", 1)
_PEOPLE = text(f"""
    SELECT outcomes.line, subjects.sealed {_OF_PEOPLE}
        AND vendors.name = :vendor AND requests.id = :id AND outcomes.line > :after
    ORDER BY outcomes.line LIMIT {AT_ONCE}
""")
