"""What is due now: a few probes of indexes, cheap enough for every second of a stack that has nothing to do."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Due:
    """What there may be to do. A little too much is told rather than too little: whoever does it looks again."""

    vendors: frozenset[str]
    """That have a chunk due, or are held and to be probed."""
    unsettled: bool
    """Whether a request is not over, or has something open at a vendor that was retired; or a deed over a selection is
    not."""
    to_tell: bool
    """Whether somebody is still to be told of a request's status."""
    to_resolve: bool
    """Whether the controller's directory is still to be asked about somebody."""


def find(connection: Connection) -> Due:
    """What is due by PostgreSQL's clock."""
    row = connection.execute(_FIND).one()
    return Due(frozenset(row.vendors), row.unsettled, row.to_tell, row.to_resolve)


# Each of these stops at the first row that it finds.
_CHUNK_DUE = "EXISTS (SELECT FROM chunks WHERE vendor_id = vendors.id AND purpose = '{}' AND state <> 'closed' AND {})"
_FIND = text(f"""
    SELECT
        ARRAY(
            SELECT name FROM vendors
            WHERE enabled AND CASE WHEN held_at IS NOT NULL THEN COALESCE(probe_at <= now(), false)
                ELSE {_CHUNK_DUE.format("deliver", "due_at <= now()")}
                    OR {_CHUNK_DUE.format("verify", "due_at <= now()")} END) AS vendors,
        EXISTS (SELECT FROM requests WHERE status = 'running')
            OR EXISTS (SELECT FROM requests WHERE status = 'cancelled' AND closed_at IS NULL)
            OR EXISTS (SELECT FROM deeds WHERE ended_at IS NULL)
            OR EXISTS (
                SELECT FROM vendors
                WHERE retired_at IS NOT NULL
                    AND ({_CHUNK_DUE.format("deliver", "true")} OR {_CHUNK_DUE.format("verify", "true")})) AS unsettled,
        EXISTS (SELECT FROM outbox WHERE state = 'waiting' AND NOT own)
            OR EXISTS (SELECT FROM outbox WHERE state = 'waiting' AND own) AS to_tell,
        EXISTS (SELECT FROM requests WHERE to_resolve_from IS NOT NULL) AS to_resolve
""")


def note_served(connection: Connection, vendors: Collection[str]) -> None:
    """Put down that a process serves these vendors now (`switching.is_served`), where nobody has lately."""
    connection.execute(_NOTE_SERVED, {"vendors": sorted(vendors)})


# Whoever holds one of these rows is about to note the same.
_NOTE_SERVED = text("""
    UPDATE vendors SET served_at = now()
    WHERE id IN (
        SELECT id FROM vendors
        WHERE name = ANY(CAST(:vendors AS text[])) AND enabled
            AND COALESCE(served_at < now() - interval '10 seconds', true)
        FOR NO KEY UPDATE SKIP LOCKED)
""")
