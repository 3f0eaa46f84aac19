"""Who is notified when a request's status changes: the operator's receivers, and those that came with the request."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import Connection, text

from domain.notices import Callback
from ledger.accounts import audit
from ledger.accounts.audit import HERE, Entry, Origin
from ledger.sealing import SealingKey


def announce_webhooks(connection: Connection, hosts: Mapping[str, str]) -> None:
    """Record the operator's receivers that a process knows (name to host). New ones get every change from now on. One
    that a person switched off stays off, and the others stay as they are."""
    for name, host in sorted(hosts.items()):  # always in the same order, so that two workers do not deadlock
        connection.execute(_SWITCH_ON, {"name": name, "host": host})


_SWITCH_ON = text("""
    INSERT INTO webhooks (name, style, host) VALUES (:name, 'standard', :host)
    ON CONFLICT (name) DO UPDATE SET enabled = webhooks.off_by IS NULL, host = :host
    WHERE webhooks.enabled IS DISTINCT FROM (webhooks.off_by IS NULL) OR webhooks.host <> :host
""")


def switch_receiver_on(connection: Connection, name: str, by: str, origin: Origin = HERE) -> bool:
    """Send an operator's receiver every change from now on. False where none has this name."""
    return _switched(connection, _ON, name, Entry(by, "webhook on", allowed=True, target=name, **origin._asdict()))


def switch_receiver_off(connection: Connection, name: str, by: str, origin: Origin = HERE) -> bool:
    """Send it nothing more, and give up what still waits. False where none has this name."""
    return _switched(connection, _OFF, name, Entry(by, "webhook off", allowed=True, target=name, **origin._asdict()))


def _switched(connection: Connection, statement: str, name: str, entry: Entry) -> bool:
    found = connection.execute(text(statement), {"name": name, "by": entry.by}).one_or_none() is not None
    if found:
        audit.add(connection, [entry])
    return found


_ON = "UPDATE webhooks SET enabled = true, off_by = NULL WHERE name = :name RETURNING id"
_OFF = """
    WITH off AS (UPDATE webhooks SET enabled = false, off_by = :by WHERE name = :name RETURNING id),
    given_up AS (
        UPDATE outbox SET state = 'given_up', failure = 'switched_off', answer = NULL, lease = NULL, ended_at = now()
        WHERE state = 'waiting' AND NOT own AND webhook_id IN (SELECT id FROM off))
    SELECT id FROM off
"""


def lacking(connection: Connection, known: Collection[str]) -> list[str]:
    """The operator's receivers that are on and not known to a process; by name."""
    return list(connection.execute(_LACKING, {"known": sorted(known)}).scalars())


_LACKING = text("""
    SELECT name FROM webhooks
    WHERE request_id IS NULL AND enabled AND name <> ALL(CAST(:known AS text[])) ORDER BY name
""")


def add_callbacks(
    connection: Connection, request_id: int, public_id: UUID, callbacks: Sequence[Callback], key: SealingKey
) -> None:
    """Add these receivers to a request that is being recorded. Their addresses may contain tokens of the producer: they
    are sealed with the request's key, and destroyed with it."""
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
    """The context of the sealed address of a request's own receiver."""
    return b"callback:" + public_id.bytes
