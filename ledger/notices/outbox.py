"""The outbox: changes of status to be sent, claimed in turn, then ended or put back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, text

from domain.notices import Failure, Notice, Style
from domain.requests import Kind
from ledger.data_keys import wrapped_key
from ledger.keys import open_key
from ledger.notices.webhooks import url_context
from ledger.sealing import MasterKeys, UnsealError


@dataclass(frozen=True)
class Claimed:
    """A message that only the caller may send until its lease is over."""

    id: int
    lease: UUID
    notice: Notice
    style: Style
    attempts: int
    """Includes the present one."""
    age_s: float
    receiver: str | None
    """The name of the receiver in the settings; None: the address came with the request."""
    host: str
    url: str | None = field(repr=False)
    """The address that came with the request."""
    sealed: Failure | None
    """Why that address cannot be read."""


def claim(
    connection: Connection,
    masters: MasterKeys,
    *,
    lease_s: float,
    receivers: Collection[str],
    styles: Collection[Style],
    window: int = 8,
    most: int = 32,
    oldest: int = 2_000,
) -> list[Claimed]:
    """Lease due messages, at most `window` under way to a host and `most` at once: those for the operator's `receivers`
    by name, and those in one of these `styles` for receivers that came with a request. Messages that this process
    cannot send are left to others.

    A receiver gets a request's changes in order: a message waits until the one before it has ended. One whose lease is
    over is claimed again, with the same id. Of all that waits for an operator's receiver, which gets every request,
    only the `oldest` are considered, those of the oldest requests: while it is down, the others wait untried, and
    sending to other receivers costs no more.
    """
    values = {"lease": uuid4(), "lease_s": lease_s, "window": window, "most": most, "oldest": oldest}
    values |= {"receivers": sorted(receivers), "styles": sorted(style.value for style in styles)}
    rows = connection.execute(_CLAIM, values).all()
    return [_claimed(row, masters) for row in sorted(rows, key=lambda row: row.id)]


_CLAIM = text(f"""
    WITH looked_at AS (
        SELECT waiting.* FROM webhooks CROSS JOIN LATERAL (
            SELECT id, webhook_id, request_id, due_at, lease FROM outbox
            WHERE webhook_id = webhooks.id AND state = 'waiting' AND NOT own
            ORDER BY request_id, id LIMIT :oldest) AS waiting
        WHERE webhooks.request_id IS NULL
        UNION ALL
        SELECT id, webhook_id, request_id, due_at, lease FROM outbox WHERE state = 'waiting' AND own),
    first AS MATERIALIZED ( -- of each receiver and request; in the order of an index
        SELECT DISTINCT ON (webhook_id, request_id) id, webhook_id, due_at, lease
        FROM looked_at ORDER BY webhook_id, request_id, id),
    busy AS (
        SELECT host, count(*) AS messages FROM first JOIN webhooks ON webhooks.id = webhook_id
        WHERE lease IS NOT NULL AND due_at > now()
        GROUP BY host),
    due AS (
        SELECT first.id, host, row_number() OVER (PARTITION BY host ORDER BY due_at, first.id) AS place
        FROM first JOIN webhooks ON webhooks.id = webhook_id
        WHERE due_at <= now() AND enabled
            AND CASE WHEN webhooks.request_id IS NULL THEN name = ANY(CAST(:receivers AS text[]))
                ELSE CAST(style AS text) = ANY(CAST(:styles AS text[])) END),
    taken AS (
        SELECT id FROM outbox
        WHERE state = 'waiting' AND due_at <= now() AND id IN (
            SELECT id FROM due LEFT JOIN busy USING (host)
            WHERE place + COALESCE(messages, 0) <= :window
            ORDER BY id LIMIT :most)
        ORDER BY id FOR UPDATE SKIP LOCKED)
    UPDATE outbox
    SET lease = :lease, due_at = now() + make_interval(secs => :lease_s), attempts = attempts + 1
    FROM taken, webhooks, requests
    WHERE outbox.id = taken.id AND webhooks.id = webhook_id AND requests.id = outbox.request_id
    RETURNING outbox.id, lease, outbox.public_id AS message_id, outbox.status, counts, happened_at, attempts, begun,
        CAST(EXTRACT(EPOCH FROM now() - since) AS float8) AS age_s, webhooks.name, host, style, sealed_url, details,
        requests.public_id, kind, received_at, requests.due_at, subjects, {wrapped_key()} AS data_key,
        CASE style WHEN 'opendsr' THEN ARRAY( -- as it was then
            SELECT vendors.name FROM vendors JOIN notes ON notes.vendor_id IS NULL OR notes.vendor_id = vendors.id
            WHERE notes.request_id = requests.id AND deed = 'accept' AND notes.at <= happened_at) END AS accepted
""")


def _claimed(row: Row[Any], masters: MasterKeys) -> Claimed:
    url, sealed = (None, None) if row.name else _opened(row, masters)
    notice = Notice(
        message_id=row.message_id,
        request_id=row.public_id,
        kind=Kind(row.kind),
        status=row.status,
        happened_at=row.happened_at,
        received_at=row.received_at,
        due_at=row.due_at,
        subjects=row.subjects,
        vendors={name: _with_pending(counts, row.subjects) for name, counts in sorted(row.counts.items())},
        details=row.details,
        begun=row.begun,
        accepted=frozenset(row.accepted or ()),
    )
    return Claimed(
        row.id, row.lease, notice, Style(row.style), row.attempts, row.age_s, row.name, row.host, url, sealed
    )


def _opened(row: Row[Any], masters: MasterKeys) -> tuple[str | None, Failure | None]:
    if row.data_key is None:
        return None, Failure.FORGOTTEN
    try:
        key = open_key(masters, row.public_id, row.data_key)
        return key.open(row.sealed_url, url_context(row.public_id)).decode(), None
    except UnsealError:
        return None, Failure.SEALED


def _with_pending(counts: Mapping[str, int], subjects: int) -> dict[str, int]:
    return {"pending": subjects - sum(counts.values()), **counts}


def delivered(connection: Connection, message: Claimed, answer: int) -> None:
    """The receiver said yes, with this HTTP status. Records nothing where the lease is lost."""
    _end(connection, message, "delivered", None, answer)


def give_up(connection: Connection, message: Claimed, failure: Failure, answer: int | None) -> None:
    """Stop sending this change to this receiver; the next one follows. Records nothing where the lease is lost."""
    _end(connection, message, "given_up", failure, answer)


def _end(connection: Connection, message: Claimed, state: str, failure: Failure | None, answer: int | None) -> None:
    told = {"failure": failure.value if failure else None, "answer": answer}
    connection.execute(_END, {"id": message.id, "lease": message.lease, "state": state, **told})


_END = text("""
    UPDATE outbox
    SET state = CAST(:state AS message_state), failure = CAST(:failure AS text),
        answer = CAST(:answer AS smallint), lease = NULL, ended_at = now()
    WHERE id = :id AND lease = :lease
""")


def put_back(
    connection: Connection, message: Claimed, delay_s: float, failure: Failure | None, answer: int | None
) -> None:
    """Try again after so long; without a failure it was not tried at all. Records nothing where the lease is lost."""
    told = {"failure": failure.value if failure else None, "answer": answer}
    connection.execute(_PUT_BACK, {"id": message.id, "lease": message.lease, "delay_s": delay_s, **told})


_PUT_BACK = text("""
    UPDATE outbox
    SET lease = NULL, due_at = now() + make_interval(secs => :delay_s),
        failure = COALESCE(CAST(:failure AS text), failure),
        answer = CASE WHEN CAST(:failure AS text) IS NULL THEN answer ELSE CAST(:answer AS smallint) END,
        attempts = attempts - CASE WHEN CAST(:failure AS text) IS NULL THEN 1 ELSE 0 END
    WHERE id = :id AND lease = :lease
""")


def drop_ended(connection: Connection, days: float, *, most: int = 10_000) -> int:
    """Delete messages that were sent or given up more than `days` ago; returns how many.

    Reads the `most` oldest messages and needs no index: those of them that still wait end within days.
    """
    return connection.execute(_DROP_ENDED, {"days": days, "most": most}).rowcount


_DROP_ENDED = text("""
    DELETE FROM outbox
    WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT :most)
        AND ended_at < now() - CAST(:days AS double precision) * interval '1 day'
""")
