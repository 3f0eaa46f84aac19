"""What is due now: a few index probes, cheap enough for every second of an idle stack."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Due:
    """What there may be to do: rather too much than too little, as the process that does the work checks again."""

    vendors: frozenset[str]
    """Vendors with a due chunk, and held vendors with a due probe."""
    unsettled: bool
    """Whether a request has not ended, or has something open at a retired vendor; or a deed over a selection has not
    ended; or a legal hold's time is over."""
    to_tell: bool
    """Whether a notice is due."""
    to_resolve: bool
    """Whether the directory is still to be asked about somebody."""
    to_log: bool
    """Whether something is logged that is not in order yet, or outcomes are to be hashed."""
    log_size: int
    """Entries of the log: they become fewer only where another database has taken this one's place."""


def find(connection: Connection) -> Due:
    """What is due by PostgreSQL's clock."""
    row = connection.execute(_FIND).one()
    return Due(frozenset(row.vendors), row.unsettled, row.to_tell, row.to_resolve, row.to_log, row.log_size)


# Each of these stops at the first row.
_CHUNK_DUE = "EXISTS (SELECT FROM chunks WHERE vendor_id = vendors.id AND purpose = '{}' AND state <> 'closed' AND {})"
_FIND = text(f"""
    SELECT
        ARRAY(
            SELECT name FROM vendors
            WHERE enabled AND by_hand IS NULL AND CASE WHEN held_at IS NOT NULL THEN COALESCE(probe_at <= now(), false)
                ELSE {_CHUNK_DUE.format("deliver", "due_at <= now()")}
                    OR {_CHUNK_DUE.format("verify", "due_at <= now()")} END) AS vendors,
        EXISTS (SELECT FROM requests WHERE status = 'running')
            OR EXISTS (SELECT FROM requests WHERE status = 'cancelled' AND closed_at IS NULL)
            OR EXISTS (SELECT FROM deeds WHERE ended_at IS NULL)
            OR EXISTS (SELECT FROM legal_holds WHERE ended_at IS NULL AND until <= now())
            OR EXISTS (
                SELECT FROM vendors
                WHERE retired_at IS NOT NULL
                    AND ({_CHUNK_DUE.format("deliver", "true")} OR {_CHUNK_DUE.format("verify", "true")})) AS unsettled,
        EXISTS (SELECT FROM outbox WHERE state = 'waiting' AND NOT own)
            OR EXISTS (SELECT FROM outbox WHERE state = 'waiting' AND own) AS to_tell,
        EXISTS (SELECT FROM requests WHERE to_resolve_from IS NOT NULL) AS to_resolve,
        EXISTS (SELECT FROM log_pending) OR EXISTS (SELECT FROM trees_due) OR EXISTS (SELECT FROM audit_due) AS to_log,
        COALESCE((SELECT size FROM log_head), 0) AS log_size
""")


def note_served(connection: Connection, vendors: Collection[str]) -> None:
    """Record that a process serves these vendors now (`switching.is_served`), unless that was recorded recently."""
    connection.execute(_NOTE_SERVED, {"vendors": sorted(vendors)})


# A process that has one of these rows locked is recording the same.
_NOTE_SERVED = text("""
    UPDATE vendors SET served_at = now()
    WHERE id IN (
        SELECT id FROM vendors
        WHERE name = ANY(CAST(:vendors AS text[])) AND enabled
            AND COALESCE(served_at < now() - interval '10 seconds', true)
        FOR NO KEY UPDATE SKIP LOCKED)
""")
