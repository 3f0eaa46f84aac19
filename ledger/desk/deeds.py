"""Deeds on a request: it is locked meanwhile, and who did what and why is kept for good."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from domain.regulations import Regulation
from domain.requests import Kind
from ledger.data_keys import has_key


class LockedRequest(NamedTuple):
    """A request that is locked for a deed until the caller commits."""

    id: int
    public_id: UUID
    status: str
    vendors: dict[str, int]
    """The names and ids of its vendors."""
    submitted_by: str
    received_at: datetime
    due_at: datetime
    forgotten: bool
    """Its people can no longer be opened."""
    kind: Kind
    regulation: Regulation
    extended_from: datetime | None
    """The original due date of one that was extended."""
    forgotten_at: datetime | None = None
    """None also where an earlier version did it."""


def lock_request(connection: Connection, public_id: UUID) -> LockedRequest | None:
    """Lock a request until the caller commits, so that deeds on it take turns; None where there is none."""
    row = connection.execute(_LOCK, {"public_id": public_id}).one_or_none()
    if row is None:
        return None
    vendors = {name: id_ for id_, name in connection.execute(_VENDORS, {"ids": row.vendor_ids})}
    return LockedRequest(
        id=row.id,
        public_id=row.public_id,
        status=row.status,
        vendors=vendors,
        submitted_by=row.submitted_by,
        received_at=row.received_at,
        due_at=row.due_at,
        forgotten=row.forgotten,
        kind=Kind(row.kind),
        regulation=Regulation(row.regulation),
        extended_from=row.extended_from,
        forgotten_at=row.forgotten_at,
    )


_LOCK = text(f"""
    SELECT id, public_id, status, vendor_ids, submitted_by, received_at, due_at, kind, regulation,
        extended_from, forgotten_at, NOT {has_key()} AS forgotten
    FROM requests WHERE public_id = :public_id FOR NO KEY UPDATE
""")
_VENDORS = text("SELECT id, name FROM vendors WHERE id = ANY(CAST(:ids AS smallint[])) ORDER BY name")


def submitter_of(connection: Connection, public_id: UUID) -> str | None:
    """Who submitted a request; None where there is none."""
    found: str | None = connection.execute(_SUBMITTER, {"public_id": public_id}).scalar_one_or_none()
    return found


_SUBMITTER = text("SELECT submitted_by FROM requests WHERE public_id = :public_id")


def add_note(
    connection: Connection,
    request_id: int,
    by: str,
    deed: str,
    *,
    because: str | None = None,
    vendor_id: int | None = None,
) -> None:
    """Record who did what to a request and why, for good."""
    connection.execute(
        _ADD, {"request_id": request_id, "vendor_id": vendor_id, "by": by, "deed": deed, "reason": because}
    )


_ADD = text("""
    INSERT INTO notes (request_id, vendor_id, by, deed, reason)
    VALUES (:request_id, CAST(:vendor_id AS smallint), :by, :deed, :reason)
""")


def add_notes(
    connection: Connection,
    request_ids: Sequence[int],
    by: str,
    deed: str,
    *,
    because: str | None = None,
    vendor_ids: Sequence[int] | None = None,
) -> None:
    """The same for several requests; `vendor_ids`: one for each of them, where it was done at a vendor."""
    vendors = list(vendor_ids) if vendor_ids is not None else [None] * len(request_ids)
    values = {"requests": list(request_ids), "vendors": vendors, "by": by, "deed": deed, "reason": because}
    connection.execute(_ADD_SEVERAL, values)


_ADD_SEVERAL = text("""
    INSERT INTO notes (request_id, vendor_id, by, deed, reason)
    SELECT request_id, vendor_id, :by, :deed, :reason
    FROM unnest(CAST(:requests AS bigint[]), CAST(:vendors AS smallint[])) AS done (request_id, vendor_id)
""")


def confirm(connection: Connection, request: LockedRequest, by: str) -> None:
    """Let an unconfirmed request run."""
    confirm_all(connection, [request.id], by)


def confirm_all(connection: Connection, request_ids: Sequence[int], by: str, because: str | None = None) -> None:
    """Let several run."""
    connection.execute(_CONFIRM, {"ids": list(request_ids), "by": by})
    add_notes(connection, request_ids, by, "confirm", because=because)


_CONFIRM = text("""
    UPDATE requests SET status = 'running', confirmed_by = :by
    WHERE id = ANY(CAST(:ids AS bigint[])) AND status = 'unconfirmed'
""")


def cancel(connection: Connection, request: LockedRequest, by: str) -> None:
    """Cancel a request that is running or unconfirmed; `cancelling.cancel_rest` settles what was not sent."""
    cancel_all(connection, [request.id], by)


def cancel_all(connection: Connection, request_ids: Sequence[int], by: str, because: str | None = None) -> None:
    """Cancel several."""
    connection.execute(_CANCEL, {"ids": list(request_ids)})
    add_notes(connection, request_ids, by, "cancel", because=because)


_CANCEL = text("""
    UPDATE requests SET status = 'cancelled'
    WHERE id = ANY(CAST(:ids AS bigint[])) AND status IN ('running', 'unconfirmed')
""")


def extend(connection: Connection, request: LockedRequest, due_at: datetime, by: str, because: str) -> None:
    """Extend a request's due date, and keep the original one."""
    connection.execute(_EXTEND, {"id": request.id, "due_at": due_at, "because": because})
    add_note(connection, request.id, by, "extend", because=because)


_EXTEND = text("""
    UPDATE requests SET extended_from = COALESCE(extended_from, due_at), due_at = :due_at, due_reason = :because
    WHERE id = :id
""")
