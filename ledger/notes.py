"""What people do to a request: locked while they do it, and who, what and why kept for good."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text


class Standing(NamedTuple):
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
    """Its people can be opened no more."""


def lock_request(connection: Connection, public_id: UUID) -> Standing | None:
    """A request, and nobody else's deed to it before the caller commits; None where there is none."""
    row = connection.execute(_LOCK, {"public_id": public_id}).one_or_none()
    if row is None:
        return None
    vendors = {name: id_ for id_, name in connection.execute(_VENDORS, {"ids": row.vendor_ids})}
    return Standing(
        row.id, row.public_id, row.status, vendors, row.submitted_by, row.received_at, row.due_at, row.data_key is None
    )


_LOCK = text("""
    SELECT id, public_id, status, vendor_ids, submitted_by, received_at, due_at, data_key
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
    """Keep who did what to a request and why, for good."""
    connection.execute(
        _ADD, {"request_id": request_id, "vendor_id": vendor_id, "by": by, "deed": deed, "reason": because}
    )


_ADD = text("""
    INSERT INTO notes (request_id, vendor_id, by, deed, reason)
    VALUES (:request_id, CAST(:vendor_id AS smallint), :by, :deed, :reason)
""")


def confirm(connection: Connection, request: Standing, by: str) -> None:
    """Let an unconfirmed request run."""
    connection.execute(_CONFIRM, {"id": request.id, "by": by})
    add_note(connection, request.id, by, "confirm")


_CONFIRM = text("UPDATE requests SET status = 'running', confirmed_by = :by WHERE id = :id AND status = 'unconfirmed'")


def cancel(connection: Connection, request: Standing, by: str) -> None:
    """Stop a request that is running or unconfirmed; `cancelling.cancel_rest` settles what was not sent."""
    connection.execute(_CANCEL, {"id": request.id})
    add_note(connection, request.id, by, "cancel")


_CANCEL = text("UPDATE requests SET status = 'cancelled' WHERE id = :id AND status IN ('running', 'unconfirmed')")


class Extended(NamedTuple):
    """What became of a wish for more time; `due_at` is None where the law does not allow it."""

    due_at: datetime | None
    in_time: bool  # still within the month after receipt


def extend(connection: Connection, request: Standing, months: int, by: str, because: str) -> Extended:
    """Put off when a request is due, by two months in all at most and within one month of receipt (GDPR Art. 12(3))."""
    values = {"id": request.id, "months": months, "because": because}
    in_time = bool(connection.execute(_IN_TIME, values).scalar_one())
    due_at: datetime | None = connection.execute(_EXTEND, values).scalar_one_or_none() if in_time else None
    if due_at is not None:
        add_note(connection, request.id, by, "extend", because=because)
    return Extended(due_at, in_time)


_IN_TIME = text("SELECT now() <= received_at + interval '1 month' FROM requests WHERE id = :id")
# The months so far are counted by days, for the session's time zone and short months move the exact moment.
_EXTEND = text("""
    UPDATE requests
    SET due_at = received_at + make_interval(months => so_far + :months), due_reason = :because
    FROM (SELECT id, CAST(round(extract(epoch FROM due_at - received_at) / 86400 / 30.4) AS integer) AS so_far
          FROM requests WHERE id = :id) AS now_due
    WHERE requests.id = now_due.id AND so_far + :months <= 3
    RETURNING due_at
""")
