"""Whether the audit log still is what the evidence log has the roots of."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from evidence.merkle import root_of
from evidence.tiles import hashes_in
from ledger.evidence.audit_batches import LEAF
from ledger.evidence.comparing import SAYING, SAYS, Comparison, differing, named, never_logged


def check_audit(connection: Connection) -> Iterator[str]:
    """What of the audit log is not as it was logged: sentences. Entries that are past their retention are not missed:
    that they were dropped stands in the log."""
    yield from differing(connection, _COMPARISONS)
    batches = connection.execute(_BATCHES, execution_options={"yield_per": _READ_AT_ONCE})
    if others := [row.id for row in batches if root_of(hashes_in(row.hashes)) != row.root]:
        yield f"batches of audit entries whose root is not that of their hashes: {named(others)}"


_READ_AT_ONCE = 100
_BATCHES = text("SELECT id, hashes, root FROM audit_batches ORDER BY id")
_DROPPED = f"""
    (SELECT COALESCE(max(CAST(up_to AS bigint)), 0) FROM (
        SELECT {SAYS} ->> 'up_to' FROM log_entries WHERE type = 'audit.dropped'
        UNION ALL SELECT facts ->> 'up_to' FROM log_pending WHERE type = 'audit.dropped') AS dropped (up_to))
"""
_COMPARISONS = (
    Comparison(
        "audit entries that were never logged: {}",
        text("""
            SELECT id FROM audit_entries
            WHERE NOT EXISTS (
                SELECT FROM (SELECT unnest(ids) AS id FROM audit_batches UNION ALL SELECT unnest(ids) FROM audit_due)
                    AS noted WHERE noted.id = audit_entries.id)
            ORDER BY id LIMIT :most"""),
    ),
    Comparison(
        "audit entries that are gone, or not as they were logged: {}",
        text(f"""
            SELECT noted.id FROM audit_batches
            CROSS JOIN LATERAL unnest(ids) WITH ORDINALITY AS noted (id, place)
            LEFT JOIN audit_entries ON audit_entries.id = noted.id
            WHERE substring(hashes FROM CAST(32 * place - 31 AS integer) FOR 32) IS DISTINCT FROM {LEAF}
                AND NOT (audit_entries.id IS NULL AND noted.id <= {_DROPPED})
            ORDER BY noted.id LIMIT :most"""),
    ),
    Comparison(
        "batches of audit entries that are gone, or not as they were logged: {}",
        text(f"""
            SELECT row_id FROM log_entries {SAYING} LEFT JOIN audit_batches ON id = row_id
            WHERE type = 'audit' AND (says ->> 'entries', says ->> 'newest', says ->> 'root')
                IS DISTINCT FROM (CAST(cardinality(ids) AS text), CAST(newest AS text),
                    translate(encode(root, 'base64'), E'\\n', ''))
                AND NOT (id IS NULL AND CAST(says ->> 'newest' AS bigint) <= {_DROPPED})
            ORDER BY row_id LIMIT :most"""),
    ),
    Comparison(
        "batches of audit entries that were never logged: {}",
        text(f"""
            SELECT id FROM audit_batches WHERE {never_logged("audit", "audit_batches.id")} ORDER BY id LIMIT :most"""),
    ),
)
