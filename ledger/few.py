"""Recording requests of few people, all that came together in one statement: what producers do all day, hundreds of
times a second."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine, text
from sqlalchemy.exc import DataError, IntegrityError

from domain.chunking import cut
from domain.requests import Subject
from ledger.people import FEW, INSERTED, Prints, Writer
from ledger.requests import NewRequest, Recorded, digest_of, row_of
from ledger.sealing import Fingerprinter, MasterKeys, SealingKey


class Small(NamedTuple):
    """A request of few people, to be recorded."""

    new: NewRequest
    people: Sequence[Subject]

    def __repr__(self) -> str:
        return f"Small(people={len(self.people)})"


def is_few(new: NewRequest, people: Sequence[Subject]) -> bool:
    """Whether `record_few` can take this one. It cannot where there are no people or too many, some bring a session,
    somebody must confirm, or more is to be recorded with them (`callbacks`, `also`)."""
    return (
        not (new.callbacks or new.also)
        and 0 < len(people) <= min(FEW, FEW if new.confirm_above is None else new.confirm_above)
        and not any(new.session_vendors.intersection(subject.get("vendors") or ()) for subject in people)
    )


def record_few(
    engine: Engine, several: Sequence[Small], *, masters: MasterKeys, fingerprinter: Fingerprinter
) -> list[Recorded | None]:
    """What `requests.record` does, for several that are few, committed, in two round trips for all of them.

    None for one of which nothing was written: its key is taken, it is too late, or there is something wrong with one
    of them. `record` tells, of each alone.
    """
    try:
        return _record(engine, several, masters, fingerprinter)
    except (DataError, IntegrityError):
        if len(several) == 1:
            raise
        return [None] * len(several)  # nothing was written: one of them is at fault, and must not take the others along


def _record(
    engine: Engine, several: Sequence[Small], masters: MasterKeys, fingerprinter: Fingerprinter
) -> list[Recorded | None]:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # Not in the statement itself: people are sealed for their place, of which it is a part.
        ids = connection.execute(_NEXT_IDS, {"count": len(several)}).scalars().all()
        rows = [_Row.of(request_id, one, masters, fingerprinter) for request_id, one in zip(ids, several, strict=True)]
        # In the order of their keys, so that two processes that are given the same ones do not lock each other out.
        ordered = sorted(rows, key=lambda row: row.request["idempotency_key"] or "")
        inserted = set(connection.execute(_RECORD, _columns(ordered)).scalars())
    return [row.recorded if row.request["id"] in inserted else None for row in rows]


class _Row(NamedTuple):
    """What is written of one request, and what is told of it then."""

    recorded: Recorded
    request: dict[str, Any]
    people: dict[str, list[Any]]
    chunks: dict[str, list[Any]]

    @classmethod
    def of(cls, request_id: int, small: Small, masters: MasterKeys, fingerprinter: Fingerprinter) -> "_Row":
        key, prints, (new, people) = SealingKey.generate(), Prints(fingerprinter), small
        columns = Writer(request_id, key, prints).columns(people)
        kept = len(columns["line"])
        spans = [(vendor.id, span) for vendor in new.vendors for span in cut(len(people), vendor.chunk_people)]
        request = {
            "id": request_id,
            **row_of(new, key, masters),
            "subjects": kept,
            "duplicates": len(people) - kept,
            "digest": digest_of(new, prints),
        }
        chunks = {
            "chunk_of": [request_id] * len(spans),
            "chunk_vendor": [vendor_id for vendor_id, _ in spans],
            "first_line": [span.first for _, span in spans],
            "last_line": [span.last for _, span in spans],
        }
        recorded = Recorded(request["public_id"], kept, len(people) - kept)
        return cls(recorded, request, {"person_of": [request_id] * kept, **columns}, chunks)


def _columns(rows: Sequence[_Row]) -> dict[str, list[Any]]:
    """All of them by column, for unnest."""
    first = rows[0]
    return {
        **{name: [row.request[name] for row in rows] for name in first.request},
        **{name: [value for row in rows for value in row.people[name]] for name in first.people},
        **{name: [value for row in rows for value in row.chunks[name]] for name in first.chunks},
    }


_NEXT_IDS = text("""
    SELECT nextval(pg_get_serial_sequence('requests', 'id')) FROM generate_series(1, CAST(:count AS integer))
""")
_RECORD = text(f"""
    WITH given AS (
        SELECT *, GREATEST(wanted, now() + make_interval(secs => cool_off_s)) AS not_before
        FROM unnest(CAST(:id AS bigint[]), CAST(:public_id AS uuid[]), CAST(:kind AS kind[]),
            CAST(:vendor_ids AS text[]), CAST(:data_key AS bytea[]), CAST(:options AS bytea[]),
            CAST(:idempotency_key AS text[]), CAST(:submitted_by AS text[]), CAST(:effective_at AS timestamptz[]),
            CAST(:not_before AS timestamptz[]), CAST(:cool_off_s AS float8[]), CAST(:subjects AS integer[]),
            CAST(:duplicates AS integer[]), CAST(:digest AS bytea[]))
            AS given (id, public_id, kind, vendor_ids, data_key, options, idempotency_key, submitted_by, effective_at,
                wanted, cool_off_s, subjects, duplicates, digest)),
    request AS (
        INSERT INTO requests (id, public_id, kind, status, vendor_ids, data_key, options, idempotency_key, submitted_by,
            due_at, effective_at, not_before, subjects, duplicates, content_digest)
        OVERRIDING SYSTEM VALUE
        SELECT id, public_id, kind, 'running', CAST(vendor_ids AS smallint[]), data_key, options, idempotency_key,
            submitted_by, now() + interval '1 month', -- GDPR Art. 12(3)
            COALESCE(effective_at, now()), not_before, subjects, duplicates, digest
        FROM given
        WHERE not_before < now() + interval '1 month'
        ON CONFLICT (idempotency_key) DO NOTHING
        RETURNING id, public_id, submitted_by, not_before),
    people AS (
        INSERT INTO subjects (request_id, {INSERTED.names})
        SELECT people.*
        FROM unnest(CAST(:person_of AS bigint[]), {INSERTED.arrays}) AS people (request_id, {INSERTED.names})
        WHERE request_id IN (SELECT id FROM request)),
    cut AS (
        INSERT INTO chunks (request_id, due_at, vendor_id, first_line, last_line)
        SELECT request.id, not_before, vendor_id, first_line, last_line
        FROM unnest(CAST(:chunk_of AS bigint[]), CAST(:chunk_vendor AS smallint[]), CAST(:first_line AS integer[]),
            CAST(:last_line AS integer[])) AS span (request_id, vendor_id, first_line, last_line)
        JOIN request ON request.id = span.request_id),
    noted AS (
        INSERT INTO audit_entries (by, deed, target, allowed)
        SELECT submitted_by, 'submit', CAST(public_id AS text), true FROM request)
    SELECT id FROM request
""")
