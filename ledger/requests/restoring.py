"""Requests of a ledger that was restored from a backup: how they stand, and what keeps them from being sent again."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from ledger import forgetting
from ledger.data_keys import has_key
from ledger.delivery import cancelling, stop_again
from ledger.desk import deeds

FORGET, ASK = "forget", "ask first"
"""The deeds, in `notes`."""
_OPEN = ("running", "unconfirmed")


class State(NamedTuple):
    """How a request stands in the ledger."""

    id: int
    public_id: UUID
    kind: str
    status: str
    forgotten: bool


def states_of(connection: Connection, public_ids: Collection[UUID]) -> list[State]:
    """Those of these requests that the ledger knows, in the order in which they were recorded."""
    rows = connection.execute(_STATES, {"public_ids": list(public_ids)})
    return [State(*row) for row in rows]


def running(connection: Connection, until: datetime, after: int, most: int) -> list[State]:
    """Requests that were received until then and are being sent, `most` at most, from after this one on."""
    values = {"until": until, "after": after, "most": most}
    return [State(*row) for row in connection.execute(_RUNNING, values)]


_STATE = f"SELECT id, public_id, CAST(kind AS text), CAST(status AS text), NOT {has_key()} FROM requests"
_STATES = text(f"{_STATE} WHERE public_id = ANY(CAST(:public_ids AS uuid[])) ORDER BY id")
_RUNNING = text(f"{_STATE} WHERE status = 'running' AND received_at <= :until AND id > :after ORDER BY id LIMIT :most")


def drop_stray_keys(connection: Connection) -> int:
    """Destroy data keys of requests that the ledger does not have, and return how many there were: who restores keys
    that are newer than the record brings them back, and later requests get these numbers."""
    return connection.execute(_DROP_STRAY_KEYS).rowcount


_DROP_STRAY_KEYS = text("""
    DELETE FROM data_keys WHERE request_id > (SELECT COALESCE(max(id), 0) FROM requests)
""")


def cancel_again(connection: Connection, states: Sequence[State], by: str, because: str) -> None:
    """Cancel what is open of these requests, and settle what was not sent."""
    ids = [one.id for one in states if one.status in _OPEN]
    if ids:
        deeds.cancel_all(connection, ids, by, because)
        cancelling.cancel_each(connection, ids)
        stop_again.after_giving_up(connection, ids)
        cancelling.finish(connection, ids)


def forget_again(connection: Connection, states: Sequence[State], by: str, because: str) -> None:
    """Destroy the data keys of these requests; their open deliveries are cancelled first, because nobody could read
    their people any more."""
    cancel_again(connection, states, by, because)
    ids = [one.id for one in states if not one.forgotten]
    connection.execute(_NO_READ_BACK, {"ids": ids})
    forgetting.forget(connection, ids)
    deeds.add_notes(connection, ids, by, FORGET, because=because)


_NO_READ_BACK = text("""
    UPDATE chunks SET state = 'closed', lease = NULL, holder = NULL
    WHERE request_id = ANY(CAST(:ids AS bigint[])) AND purpose = 'verify' AND state <> 'closed'
""")


def ask_first(connection: Connection, states: Sequence[State], by: str, because: str) -> None:
    """Have these requests wait until a person confirms or cancels them."""
    ids = [one.id for one in states]
    connection.execute(_ASK, {"ids": ids})
    deeds.add_notes(connection, ids, by, ASK, because=because)


_ASK = text("""
    UPDATE requests SET status = 'unconfirmed' WHERE id = ANY(CAST(:ids AS bigint[])) AND status = 'running'
""")
