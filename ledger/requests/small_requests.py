"""Records requests of few people, several in one statement: producers send these hundreds of times a second."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydantic_core import to_json
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DataError, IntegrityError

from domain.chunking import cut
from domain.requests import Subject
from domain.suppression import is_told
from ledger import suppression
from ledger.data_keys import KEEP
from ledger.people.adding import FEW
from ledger.people.crowds import crowds_among
from ledger.people.prints import Prints
from ledger.people.rows import OTHERS, PEOPLE, PERSON, Writer, bytea
from ledger.requests.new_request import (
    GUARDS,
    ROW,
    FutureError,
    NewRequest,
    TooLateError,
    digest_of,
    inserting,
    row_of,
    to_resolve_from,
)
from ledger.requests.recording import Recorded
from ledger.sealing import Fingerprinter, MasterKeys, SealingKey
from ledger.session import one_by_one, rows_of


class Small(NamedTuple):
    """A request of few people, to be recorded."""

    new: NewRequest
    people: Sequence[Subject]

    def __repr__(self) -> str:
        return f"Small(people={len(self.people)})"


def is_few(new: NewRequest, people: Sequence[Subject]) -> bool:
    """Whether `record_few` can record this one. It cannot where there are no people or too many, some have a session,
    somebody must confirm, or more is to be recorded with them (`callbacks`, `also`, `reference`, what was accepted or
    allowed)."""
    return (
        not (new.callbacks or new.also or new.reference or new.accept_unreachable or new.noticed.allowed)
        and 0 < len(people) <= min(FEW, FEW if new.everyday is None else new.everyday)
        and not any(new.session_vendors.intersection(subject.get("vendors") or ()) for subject in people)
    )


def record_few(
    engine: Engine, several: Sequence[Small], *, masters: MasterKeys, fingerprinter: Fingerprinter
) -> list[Recorded | None]:
    """The same as `record` for several small requests, committed, in two round trips for all of them.

    None for one of which nothing was written: its key is taken, it is too late, the fingerprint keys have changed, or
    something is wrong with one of them.
    `record` then says what, for each alone.
    """
    with one_by_one(engine) as connection:
        # Not in the statement itself, because people are sealed with their request's number. Not drawn ahead either: of
        # two deliveries to one person the lower number goes first.
        numbered = rows_of(connection, _NEXT_IDS, {"count": len(several)})
        _note_erased(connection, several, fingerprinter)
        rows = [
            _row_or_none(request_id, received_at, one, masters, fingerprinter)
            for (request_id, received_at), one in zip(numbered, several, strict=True)
        ]
        in_time = [row for row in rows if row is not None]
        # Ordered by key, so that two processes with the same ones do not deadlock.
        requests = sorted((row.request for row in in_time), key=lambda request: request["idempotency_print"] or "")
        written = {
            "requests": to_json(requests).decode(),
            "people": to_json([person for row in in_time for person in row.people]).decode(),
            "chunks": to_json([chunk for row in in_time for chunk in row.chunks]).decode(),
        }
        try:
            others = [other for row in in_time for other in row.others]
            statement = _RECORD_WITH_OTHERS if others else _RECORD
            if others:
                written["others"] = to_json(others).decode()
            inserted = {request_id for (request_id,) in rows_of(connection, statement, written)}
        except (DataError, IntegrityError):
            if len(several) == 1:
                raise
            inserted = set()  # nothing was written: one of them is at fault, and the others must not fail with it
    return [row.recorded if row is not None and row.request["id"] in inserted else None for row in rows]


def _note_erased(connection: Connection, several: Sequence[Small], fingerprinter: Fingerprinter) -> None:
    prints = Prints(fingerprinter)
    told = [small for small in several if is_told(small.new.kind, len(small.people))]
    for days in {small.new.suppression_days for small in told}:
        those = [small for small in told if small.new.suppression_days == days]
        people = [[prints.every(one) for one in small.people] for small in those]
        for small, erased in zip(those, suppression.erased_in_each(connection, people, days), strict=True):
            small.new.noticed.erased_before = erased


class _Row(NamedTuple):
    """What is written of one request, and what is reported of it."""

    recorded: Recorded
    request: dict[str, Any]
    people: list[dict[str, Any]]
    chunks: list[dict[str, Any]]
    others: list[dict[str, Any]]

    def __repr__(self) -> str:
        return f"_Row({self.recorded})"

    @classmethod
    def of(
        cls, request_id: int, received_at: datetime, small: Small, masters: MasterKeys, fingerprinter: Fingerprinter
    ) -> "_Row":
        """Raises ledger.requests.new_request.TooLateError."""
        key, prints, (new, people) = SealingKey.generate(), Prints(fingerprinter), small
        writer = Writer(request_id, key, prints, prints.besides(new.kind))
        records = writer.records(people)
        kept = [(record["line"], people[record["line"] - 1]) for record in records]
        others = [other for line, subject in kept for other in writer.others_of(line, subject)]
        unreachable = new.reach.missing(subject for _, subject in kept)
        row = row_of(new, key, masters, fingerprinter, received_at)
        recorded = Recorded(
            row["public_id"],
            len(records),
            len(people) - len(records),
            unreachable=unreachable,
            erased_before=new.noticed.erased_before,
        )
        new.noticed.crowds = tuple(crowds_among(records, writer.lines))
        row |= {
            "id": request_id,
            "subjects": recorded.people,
            "duplicates": recorded.duplicates,
            "unreachable": unreachable or None,
            "to_resolve_from": to_resolve_from(new, unreachable),
            "digest": digest_of(new, prints),
            "because": new.noticed.summary(),
            **new.origin._asdict(),
        }
        chunks = [
            {"request_id": request_id, "vendor_id": vendor.id, "first_line": span.first, "last_line": span.last}
            for vendor in new.vendors
            for span in cut(len(people), vendor.chunk_people)
        ]
        request = {name: bytea(value) if isinstance(value, bytes) else value for name, value in row.items()}
        return cls(recorded, request, records, chunks, others)


def _row_or_none(
    request_id: int, received_at: datetime, small: Small, masters: MasterKeys, fingerprinter: Fingerprinter
) -> _Row | None:
    try:
        return _Row.of(request_id, received_at, small, masters, fingerprinter)
    except (TooLateError, FutureError):
        return None


_NEXT_IDS = text("""
    SELECT nextval(pg_get_serial_sequence('requests', 'id')), now() FROM generate_series(1, CAST(:count AS integer))
""")


_MORE_TYPES = {
    "id": "bigint",
    "subjects": "integer",
    "duplicates": "integer",
    "digest": "bytea",
    "unreachable": "jsonb",
    "to_resolve_from": "integer",
    "data_key": "bytea",
    "because": "text",
    "source": "text",
    "key_prefix": "text",
}
_MORE = {
    "id": "id",
    "status": "'running'",
    "subjects": "subjects",
    "duplicates": "duplicates",
    "content_digest": "digest",
    "unreachable": "unreachable",
    "to_resolve_from": "to_resolve_from",
}
_TYPED = ", ".join(f"{name} {type_}" for name, type_ in {**ROW, **GUARDS, **_MORE_TYPES}.items())


def _recording(others: str = "") -> Any:
    return text(f"""
    WITH given AS MATERIALIZED (
        SELECT * FROM json_to_recordset(CAST(:requests AS json)) AS given ({_TYPED})),
    request AS (
        {inserting("given", more=_MORE)}
        RETURNING id, public_id, submitted_by, not_before),
    key AS ({KEEP} given WHERE id IN (SELECT id FROM request)),
    person AS (
        INSERT INTO subjects ({PERSON})
        SELECT {PERSON} FROM {PEOPLE} WHERE request_id IN (SELECT id FROM request)),
    {others}
    cut AS (
        INSERT INTO chunks (request_id, due_at, vendor_id, first_line, last_line)
        SELECT request_id, not_before, vendor_id, first_line, last_line
        FROM json_to_recordset(CAST(:chunks AS json)) AS span (request_id bigint, vendor_id smallint,
            first_line integer, last_line integer)
        JOIN request ON request.id = request_id
        ORDER BY request_id, vendor_id, first_line),
    noted AS (
        INSERT INTO audit_entries (by, deed, target, allowed, because, source, key_prefix)
        SELECT request.submitted_by, 'submit', CAST(request.public_id AS text), true, because, source, key_prefix
        FROM request JOIN given USING (id))
    SELECT id FROM request
""")


_RECORD = _recording()
# A separate statement: hardly anybody has such identifiers unless a fingerprint key is being replaced, and the others
# should not pay for them.
_RECORD_WITH_OTHERS = _recording(f"""
    other AS (
        INSERT INTO other_identifiers (request_id, line, kind, print, key)
        SELECT request_id, line, kind, print, key
        FROM {OTHERS}
        WHERE request_id IN (SELECT id FROM request)),
""")
