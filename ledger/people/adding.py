"""Writes the people of a request into the ledger as they are read; identical ones are stored once."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from tempfile import SpooledTemporaryFile
from typing import Any, NamedTuple

from pydantic_core import to_json
from sqlalchemy import Connection, text

from domain.crowds import MANY_REPEAT, Crowd
from domain.requests import Subject
from ledger.copying import copy_in
from ledger.limits import unhurried
from ledger.people.crowds import crowds_among, crowds_in
from ledger.people.prints import Prints
from ledger.people.rows import PEOPLE, PERSON, Writer
from ledger.sealing import SealingKey

FEW = 1_000
"""Up to so many people use one statement. More use a COPY, which costs two more round trips and is faster then."""
_BLOCK_BYTES = 262_144
_DROPPED_AT_ONCE = 10_000


class Counted(NamedTuple):
    """What was recorded: lines read, repeated ones among them, a digest of all, and the crowds among them."""

    lines: int
    repeats: Sequence[int]
    digest: bytes
    crowds: tuple[Crowd, ...] = ()

    @property
    def people(self) -> int:
        """The number of people without repeated ones."""
        return self.lines - len(self.repeats)


def add_people(
    connection: Connection,
    request_id: int,
    people: Iterable[Subject],
    *,
    key: SealingKey,
    prints: Prints,
    besides: Sequence[Prints] = (),
    session_vendors: Mapping[str, int],
) -> Counted:
    """Write people to the ledger as they are read, sealed, in constant memory; identical ones are stored once.

    `besides`: by which older keys they are to be found too. `session_vendors` (name to id): vendors whose block in a
    subject is a session, sealed apart. After an exception from `people` the caller's transaction must be rolled back.
    """
    with SpooledTemporaryFile(max_size=4_000_000) as sessions, SpooledTemporaryFile(max_size=4_000_000) as others:
        writer = Writer(request_id, key, prints, besides, session_vendors, sessions, others)
        rest = iter(people)
        begin = list(islice(rest, FEW + 1))
        if len(begin) <= FEW:
            records = writer.records(begin)
            crowds = crowds_among(records, writer.lines)
            connection.execute(_INSERT_SUBJECTS, {"people": to_json(records).decode()})
            repeats = repeated_lines(prints.lines, records)
        else:
            unhurried(connection)  # a file takes as long as its sender does
            copy_in(connection, _COPY_SUBJECTS, writer.rows(chain(begin, rest)))
        for statement, rows in ((_COPY_SESSIONS, sessions), (_COPY_OTHERS, others)):
            if rows.tell():
                rows.seek(0)
                copy_in(connection, statement, iter(partial(rows.read, _BLOCK_BYTES), b""))
    if len(begin) > FEW:
        repeats, repeated = _drop_duplicates(connection, request_id)
        crowds = crowds_in(connection, request_id, prints.lines - len(repeats), writer.suspicion)
        crowds += [repeated] if repeated else []
    return Counted(prints.lines, repeats, prints.digest(), tuple(crowds))


def repeated_lines(lines: int, records: Sequence[Mapping[str, Any]]) -> Sequence[int]:
    """The lines that `Writer.records` has left out, of so many."""
    return sorted({*range(1, lines + 1)} - {record["line"] for record in records}) if len(records) < lines else ()


_INSERT_SUBJECTS = text(f"INSERT INTO subjects ({PERSON}) SELECT {PERSON} FROM {PEOPLE}")
_COPY_SUBJECTS = f"COPY subjects ({PERSON}) FROM STDIN (FORMAT binary)"
_COPY_SESSIONS = "COPY sessions (request_id, line, vendor_id, sealed) FROM STDIN (FORMAT binary)"
_COPY_OTHERS = "COPY other_identifiers (request_id, line, kind, print, key) FROM STDIN (FORMAT binary)"


def _drop_duplicates(connection: Connection, request_id: int) -> tuple[Sequence[int], Crowd | None]:
    """The deleted lines, and the crowd among identical lines."""
    dropped = array("i")
    crowds = lines_of_crowds = most = 0
    # A cursor in the server: a file may repeat one person a million times.
    streaming = {"stream_results": True, "max_row_buffer": _DROPPED_AT_ONCE}
    repeated = connection.execute(_REPEATED, {"request_id": request_id}, execution_options=streaming)
    for rows in repeated.partitions(_DROPPED_AT_ONCE):
        lines = [row.line for row in rows]
        connection.execute(_DROP_SUBJECTS, {"request_id": request_id, "lines": lines})
        connection.execute(_DROP_SESSIONS, {"request_id": request_id, "lines": lines})
        connection.execute(_DROP_OTHERS, {"request_id": request_id, "lines": lines})
        dropped.extend(lines)
        for _, place in rows:
            if place >= MANY_REPEAT:
                crowds += place == MANY_REPEAT
                lines_of_crowds += MANY_REPEAT if place == MANY_REPEAT else 1
                most = max(most, place)
    return dropped, Crowd("line", crowds, lines_of_crowds, most) if crowds else None


# Queried before deleting: one statement would be a join, and the planner knows nothing of people just copied in. It
# expects one person, and sorts all of them again for each of them.
_REPEATED = text("""
    SELECT line, place
    FROM (SELECT line, row_number() OVER (PARTITION BY whole_print ORDER BY line) AS place
          FROM subjects WHERE request_id = :request_id) AS repeated
    WHERE place > 1
""")
_DROP_SUBJECTS = text("""
    DELETE FROM subjects WHERE request_id = :request_id AND line = ANY(CAST(:lines AS integer[]))
""")
_DROP_SESSIONS = text("""
    DELETE FROM sessions WHERE request_id = :request_id AND line = ANY(CAST(:lines AS integer[]))
""")
_DROP_OTHERS = text("""
    DELETE FROM other_identifiers WHERE request_id = :request_id AND line = ANY(CAST(:lines AS integer[]))
""")
