"""Recording a request of few people in one statement: what producers do all day, hundreds of times a second."""

from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy import Engine, text

from domain.chunking import cut
from domain.requests import Subject
from ledger.people import FEW, INSERTED, Prints, Writer
from ledger.requests import NewRequest, Recorded, digest_of, key_context, options_context
from ledger.sealing import MasterKeys, SealingKey


def record_few(
    engine: Engine, new: NewRequest, people: Sequence[Subject], *, masters: MasterKeys, prints: Prints
) -> Recorded | None:
    """What `requests.record` does, committed, in two round trips; None where it has to do it, and nothing was written.

    That is where there are no people or too many, some bring a session, somebody must confirm, or more is to be
    recorded with them (`callbacks`, `also`); and where nothing could be inserted, so that `record` tells why.
    """
    if new.callbacks or new.also is not None:
        return None
    if not 0 < len(people) <= FEW or (new.confirm_above is not None and len(people) > new.confirm_above):
        return None
    if any(new.session_vendors.intersection(subject.get("vendors") or ()) for subject in people):
        return None
    public_id, key = uuid4(), SealingKey.generate()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # Not in the statement itself: people are sealed for their place, of which it is a part.
        request_id: int = connection.execute(_NEXT_ID).scalar_one()
        columns = Writer(request_id, key, prints).columns(people)
        spans = [(vendor.id, span) for vendor in new.vendors for span in cut(len(people), vendor.chunk_people)]
        kept = len(columns["line"])
        inserted = connection.execute(
            _RECORD,
            {
                **columns,
                "id": request_id,
                "public_id": public_id,
                "kind": new.kind.value,
                "vendor_ids": [vendor.id for vendor in new.vendors],
                "data_key": masters.seal(key.raw, key_context(public_id)),
                "options": key.seal(new.options, options_context(public_id)),
                "idempotency_key": new.idempotency_key,
                "submitted_by": new.submitted_by,
                "effective_at": new.effective_at,
                "not_before": new.not_before,
                "cool_off_s": new.cool_off_s,
                "subjects": kept,
                "duplicates": len(people) - kept,
                "digest": digest_of(new, prints),
                "chunk_vendors": [vendor_id for vendor_id, _ in spans],
                "first_lines": [span.first for _, span in spans],
                "last_lines": [span.last for _, span in spans],
            },
        ).one_or_none()
    return Recorded(public_id, kept, len(people) - kept) if inserted is not None else None


_NEXT_ID = text("SELECT nextval(pg_get_serial_sequence('requests', 'id'))")
_RECORD = text(f"""
    WITH request AS (
        INSERT INTO requests (id, public_id, kind, status, vendor_ids, data_key, options, idempotency_key, submitted_by,
            due_at, effective_at, not_before, subjects, duplicates, content_digest)
        OVERRIDING SYSTEM VALUE
        SELECT :id, :public_id, CAST(:kind AS kind), 'running', CAST(:vendor_ids AS smallint[]), :data_key, :options,
            :idempotency_key, :submitted_by, now() + interval '1 month', -- GDPR Art. 12(3)
            COALESCE(CAST(:effective_at AS timestamptz), now()), not_before, :subjects, :duplicates, :digest
        FROM (SELECT GREATEST(CAST(:not_before AS timestamptz), now() + make_interval(secs => :cool_off_s)))
            AS times (not_before)
        WHERE not_before < now() + interval '1 month'
        ON CONFLICT (idempotency_key) DO NOTHING
        RETURNING id),
    people AS (
        INSERT INTO subjects (request_id, {INSERTED.names})
        SELECT request.id, people.* FROM request CROSS JOIN {INSERTED.rows} AS people),
    cut AS (
        INSERT INTO chunks (request_id, vendor_id, first_line, last_line)
        SELECT request.id, span.*
        FROM request CROSS JOIN unnest(CAST(:chunk_vendors AS smallint[]), CAST(:first_lines AS integer[]),
            CAST(:last_lines AS integer[])) AS span),
    noted AS (
        INSERT INTO audit_entries (by, deed, target, allowed)
        SELECT :submitted_by, 'submit', CAST(CAST(:public_id AS uuid) AS text), true FROM request)
    SELECT id FROM request
""")
