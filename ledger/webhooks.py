"""Who is told when a request's status changes: the operator's receivers, and those that a request brought along."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import Connection, text

from domain.notices import Callback
from ledger.sealing import SealingKey


def announce_webhooks(connection: Connection, hosts: Mapping[str, str]) -> None:
    """Put on record the operator's receivers (name to host); they are told of every change from now on.

    Others of the operator are off from now on, and what they have not been told is given up.
    """
    connection.execute(_SWITCH_OFF, {"names": list(hosts)})
    for name, host in sorted(hosts.items()):  # in one order, so that two workers do not lock each other out
        connection.execute(_SWITCH_ON, {"name": name, "host": host})


_SWITCH_OFF = text("""
    WITH off AS (
        UPDATE webhooks SET enabled = false
        WHERE enabled AND name IS NOT NULL AND name <> ALL(CAST(:names AS text[]))
        RETURNING id)
    UPDATE outbox SET state = 'given_up', failure = 'switched_off', answer = NULL, lease = NULL, ended_at = now()
    WHERE state = 'waiting' AND NOT own AND webhook_id IN (SELECT id FROM off)
""")
_SWITCH_ON = text("""
    INSERT INTO webhooks (name, style, host) VALUES (:name, 'standard', :host)
    ON CONFLICT (name) DO UPDATE SET enabled = true, host = :host
    WHERE NOT webhooks.enabled OR webhooks.host <> :host
""")


def add_callbacks(
    connection: Connection, request_id: int, public_id: UUID, callbacks: Sequence[Callback], key: SealingKey
) -> None:
    """Have these told of a request that is being recorded. Their addresses may hold tokens of the producer: they are
    sealed with the request's key, and destroyed with it."""
    for callback in callbacks:
        connection.execute(
            _ADD,
            {
                "request_id": request_id,
                "style": callback.style.value,
                "host": callback.host,
                "sealed_url": key.seal(callback.url.encode(), url_context(public_id)),
                "details": to_json(dict(callback.details)).decode(),
            },
        )


_ADD = text("""
    INSERT INTO webhooks (request_id, style, host, sealed_url, details)
    VALUES (:request_id, CAST(:style AS webhook_style), :host, :sealed_url, CAST(:details AS jsonb))
""")


def url_context(public_id: UUID) -> bytes:
    """What the sealed address of a request's own receiver is bound to."""
    return b"callback:" + public_id.bytes
