"""Receivers as an operator sees them: what waits for each, and sending it again."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from ledger.accounts import audit
from ledger.accounts.audit import HERE, Entry, Origin


class ReceiverState(NamedTuple):
    """The state of a receiver: an operator's by its name, others by their host."""

    receiver: str | None
    host: str
    enabled: bool
    waiting: int
    failing: int
    """How many of those waiting have failed at least once."""
    oldest: datetime | None
    """When the oldest waiting change happened."""
    given_up: int
    failure: str | None
    """Why the newest failed attempt failed, and its HTTP status, if any."""
    answer: int | None


def receiver_states(connection: Connection) -> list[ReceiverState]:
    """Every receiver of the operator, and every other host with messages that wait or were given up."""
    return [ReceiverState(*row) for row in connection.execute(_STATES)]


_STATES = text("""
    WITH open AS MATERIALIZED (
        SELECT webhooks.name, host, state, attempts, happened_at, failure, answer,
            COALESCE(ended_at, outbox.due_at) AS at
        FROM outbox JOIN webhooks ON webhooks.id = webhook_id
        WHERE state IN ('waiting', 'given_up'))
    SELECT known.name, known.host, known.enabled, count(*) FILTER (WHERE state = 'waiting'),
        count(*) FILTER (WHERE state = 'waiting' AND failure IS NOT NULL),
        min(happened_at) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'given_up'),
        (array_agg(failure ORDER BY at DESC) FILTER (WHERE failure IS NOT NULL))[1],
        (array_agg(answer ORDER BY at DESC) FILTER (WHERE failure IS NOT NULL))[1]
    FROM (SELECT name, host, enabled FROM webhooks WHERE name IS NOT NULL
          UNION ALL
          SELECT DISTINCT CAST(NULL AS text), host, true FROM open WHERE name IS NULL) AS known
    LEFT JOIN open ON open.host = known.host AND open.name IS NOT DISTINCT FROM known.name
    GROUP BY known.name, known.host, known.enabled
    ORDER BY known.name NULLS LAST, known.host
""")


def send_again(connection: Connection, receiver: str | None) -> int:
    """Send everything that was given up or waits for its next attempt now, with three more days; only to the receiver
    of this name or host, if one is given. Returns how many; messages under way are not touched."""
    return connection.execute(_SEND_AGAIN, {"receiver": receiver}).rowcount


_SEND_AGAIN = text("""
    UPDATE outbox
    SET state = 'waiting', ended_at = NULL, due_at = now(), since = now(), attempts = 0
    FROM webhooks
    WHERE webhooks.id = webhook_id AND enabled AND lease IS NULL
        AND (state = 'given_up' OR (state = 'waiting' AND due_at > now()))
        AND (CAST(:receiver AS text) IS NULL OR webhooks.name = :receiver
             OR (webhooks.name IS NULL AND host = :receiver))
""")


def retry(connection: Connection, receiver: str | None, by: str, origin: Origin = HERE) -> int | None:
    """`send_again`, put on record; None where there is no receiver of this name or host."""
    known = {name for one in receiver_states(connection) for name in (one.receiver, one.host)}
    if receiver is not None and receiver not in known:
        return None
    messages = send_again(connection, receiver)
    audit.add(connection, [Entry(by, "webhook retry", allowed=True, target=receiver, **origin._asdict())])
    return messages
