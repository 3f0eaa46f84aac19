"""Where the evidence log has what became of a request."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text


class Reference(NamedTuple):
    """An entry of a log: the log's name, the entry's index from 0, and the root over the request's lines that stands in
    it."""

    log: str
    entry: int
    root: bytes


def reference_of(connection: Connection, request_id: int, public_id: UUID) -> Reference | None:
    """The signed entry with the outcomes of a request as they are now; None while there is none, which is so until
    seconds after it has closed, or where nothing signs."""
    row = connection.execute(_REFERENCE, {"request_id": request_id, "public_id": public_id}).one_or_none()
    return Reference(*row) if row is not None else None


_REFERENCE = text("""
    SELECT log_head.origin, log_entries.index, tree.root
    FROM log_head
    CROSS JOIN LATERAL (
        SELECT id, root FROM outcome_trees WHERE request_id = :request_id ORDER BY id DESC LIMIT 1) AS tree
    JOIN log_entries ON log_entries.request = :public_id AND type = 'outcomes' AND row_id = tree.id
    WHERE log_head.origin IS NOT NULL
        AND log_entries.index < (SELECT COALESCE(max(size), 0) FROM log_checkpoints)
        AND NOT EXISTS (SELECT FROM trees_due WHERE trees_due.request_id = :request_id)
""")
