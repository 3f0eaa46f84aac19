"""Requests by OpenDSR: recorded with the request itself, and found only by their own controller."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Row, text

from ledger.data_keys import wrapped_key
from ledger.keys import key_unless_given_up
from ledger.sealing import MasterKeys, SealingKey

MOST_OF_A_GROUP = 1_000


@dataclass(frozen=True)
class NewDsr:
    """The controller's names for a request that is being recorded, and other fields that identify nobody."""

    controller: str
    subject_request_id: UUID
    version: str
    content_print: bytes = field(repr=False)
    """A keyed digest of everything that was asked."""
    unused_identities: Sequence[str]
    group_id: str | None = field(repr=False)
    group_print: bytes | None = field(repr=False)


class Kept(NamedTuple):
    """A data subject request on record."""

    public_id: UUID
    subject_request_id: UUID
    version: str
    status: str
    begun: bool
    received_at: datetime
    due_at: datetime
    unused_identities: tuple[str, ...]
    content_print: bytes
    group_id: str | None
    """None also after the people of the request have been forgotten: it can no longer be decrypted."""

    def __repr__(self) -> str:
        return f"Kept(public_id={self.public_id})"


def add(new: NewDsr, connection: Connection, request_id: int, public_id: UUID, key: SealingKey) -> None:
    """Record it with a request. The idempotency key of that request makes it the only one with this id.

    A group's name is the controller's own and may be anything, so it is sealed with the request's `key`.
    """
    connection.execute(
        _ADD,
        {
            "controller": new.controller,
            "subject_request_id": new.subject_request_id,
            "request_id": request_id,
            "version": new.version,
            "content_print": new.content_print.hex(),
            "unused_identities": list(new.unused_identities),
            "group_print": new.group_print.hex() if new.group_print else None,
            "sealed_group": key.seal(new.group_id.encode(), group_context(public_id)) if new.group_id else None,
        },
    )


_ADD = text("""
    INSERT INTO opendsr_requests (controller, subject_request_id, request_id, version, content_print,
        unused_identities, group_print, sealed_group)
    VALUES (:controller, :subject_request_id, :request_id, :version, CAST(:content_print AS uuid),
        CAST(:unused_identities AS text[]), CAST(:group_print AS uuid), :sealed_group)
""")


def group_context(public_id: UUID) -> bytes:
    """The context of the sealed name of a request's group."""
    return b"group:" + public_id.bytes


def find(connection: Connection, controller: str, subject_request_id: UUID, masters: MasterKeys) -> Kept | None:
    """The request with this id of the controller. Raises ledger.sealing.UnsealError."""
    named = {"controller": controller, "subject_request_id": subject_request_id}
    row = connection.execute(_FIND, named).one_or_none()
    return _kept(connection, row, masters) if row is not None else None


def find_group(
    connection: Connection, controller: str, group_prints: Sequence[bytes], masters: MasterKeys
) -> list[Kept]:
    """The requests of one group of a controller, given by each key, oldest first, at most MOST_OF_A_GROUP.

    Raises ledger.sealing.UnsealError.
    """
    named = {"controller": controller, "group_prints": [one.hex() for one in group_prints], "most": MOST_OF_A_GROUP}
    return [_kept(connection, row, masters) for row in connection.execute(_FIND_GROUP, named)]


_SELECT = f"""
    SELECT public_id, subject_request_id, version, status, begun_at, received_at, due_at, unused_identities,
        content_print, sealed_group, {wrapped_key()} AS data_key
    FROM opendsr_requests JOIN requests ON requests.id = opendsr_requests.request_id
"""
_FIND = text(_SELECT + "WHERE controller = :controller AND subject_request_id = :subject_request_id")
_FIND_GROUP = text(
    _SELECT
    + """
    WHERE controller = :controller AND group_print = ANY(CAST(:group_prints AS uuid[]))
    ORDER BY request_id LIMIT :most
"""
)


def tell_completed(connection: Connection, request_id: int) -> None:
    """Notify OpenDSR receivers that the request is completed: after it had closed, somebody accepted that people cannot
    be found, which is no change of our own status."""
    connection.execute(_TELL_COMPLETED, {"request_id": request_id})


_TELL_COMPLETED = text("""
    INSERT INTO outbox (webhook_id, request_id, status, counts)
    SELECT webhooks.id, requests.id, requests.status, counts_of(requests.id, requests.vendor_ids)
    FROM webhooks JOIN requests ON requests.id = webhooks.request_id
    WHERE webhooks.request_id = :request_id AND style = 'opendsr' AND enabled
    ORDER BY webhooks.id
""")


def _kept(connection: Connection, row: Row[Any], masters: MasterKeys) -> Kept:
    group_id = None
    if row.sealed_group is not None and row.data_key is not None:
        key = key_unless_given_up(connection, masters, row.public_id, row.data_key)
        group_id = key.open(row.sealed_group, group_context(row.public_id)).decode() if key is not None else None
    return Kept(
        public_id=row.public_id,
        subject_request_id=row.subject_request_id,
        version=row.version,
        status=row.status,
        begun=row.begun_at is not None,
        received_at=row.received_at,
        due_at=row.due_at,
        unused_identities=tuple(row.unused_identities),
        content_print=row.content_print.bytes,
        group_id=group_id,
    )
