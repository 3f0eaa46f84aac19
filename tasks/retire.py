"""Retires a vendor: what is pending there, or waits for a person, ends as cancelled, so that requests can close."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ledger.accounts.audit import HERE, Origin
from ledger.delivery import cancelling, successions, switching
from ledger.desk import closing_by_hand, deeds, waiting_requests
from ledger.requests import closing
from ledger.session import Engine
from tasks.settle import close

BATCH = 100
"""Requests in one transaction, so that nothing waits for a whole campaign."""


class NoSuchVendorError(Exception):
    """There is no vendor of this name in the ledger."""


@dataclass(frozen=True)
class Retired:
    """The result: deliveries cancelled now. Those under way in a worker follow."""

    pending: int
    waiting: int
    before: datetime | None = None
    """When it was retired before."""


def retire(engine: Engine, name: str, by: str, because: str, origin: Origin = HERE) -> Retired:
    """Retire a vendor. Repeating it cancels what is left. `consent vendor on` brings the vendor back, but nothing that
    has ended. Raises NoSuchVendorError."""
    with engine.begin() as connection:
        left = switching.retire(connection, name, by, because, origin)
    if left is None:
        raise NoSuchVendorError
    return Retired(_end_pending(engine), _end_waiting(engine, left.id, by, because), left.before)


def _end_pending(engine: Engine) -> int:
    ended = 0
    while True:
        with engine.begin() as connection:
            batch = cancelling.at_retired_vendors(connection, most=BATCH)
            ended += sum(cancelling.cancel_rest(connection, request_id) for request_id in batch)
        if not batch:
            return ended
        for request_id in batch:
            with engine.begin() as connection:
                close(connection, request_id)


def _end_waiting(engine: Engine, vendor_id: int, by: str, because: str) -> int:
    ended = 0
    while True:
        with engine.begin() as connection:
            batch = waiting_requests.waiting_at(connection, vendor_id, BATCH)
        now_ended = sum(_end_of_request(engine, public_id, vendor_id, by, because) for public_id in batch)
        if not now_ended:
            return ended
        ended += now_ended


def _end_of_request(engine: Engine, public_id: UUID, vendor_id: int, by: str, because: str) -> int:
    with engine.begin() as connection:
        request = deeds.lock_request(connection, public_id)
        assert request is not None  # noqa: S101 - requests are never deleted
        closed = closing_by_hand.close_at_retired(connection, request, vendor_id)
        successions.follow_up(connection, request.id, vendor_id)
        deeds.add_note(connection, request.id, by, "vendor retire", because=because, vendor_id=vendor_id)
        closing.judge_again(connection, request.id)
    return closed
