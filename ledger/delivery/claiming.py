"""Which due chunks go to the workers next: fairly between requests, within a bounded window."""

from collections.abc import Collection, Mapping
from random import random
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, TextClause, text

from domain.requests import Kind
from ledger.delivery.steps import let_through
from ledger.delivery.vendors import LATER
from ledger.kept_plans import unseen

QUEUE_GRACE_S = 30.0
"""A chunk whose message was lost on the way to a worker is queued again after this long."""
LOOKED_AT, LOOKED_AT_MORE, NEWEST = 16, 200, 8
"""How many of ten thousand due requests one claim considers (or two for each free place, if that is more); how many
more where these leave free places; and how many of the newest. Considering all of them would take 0.2 s."""
READ_BACK_SHARE = 0.25
"""The share of a window, at least one place, for read-backs while any are due, however much is to be delivered. The
rest is for deliveries. Either may use what the other does not need."""


class Claimed(NamedTuple):
    """A chunk that was queued, and what may be shown of it to anybody."""

    chunk_id: int
    purpose: str
    people: int
    """How many it was cut for: some may be settled by now."""
    request: UUID


def claim(
    connection: Connection,
    vendor: str,
    window: int,
    *,
    express: int = 0,
    grace_s: float = QUEUE_GRACE_S,
    held_too: bool = True,
    needs: Mapping[str, Collection[str]] = MappingProxyType({}),
    small_people: int = 0,
) -> list[Claimed]:
    """Queue a vendor's due chunks so that at most `window` are queued or leased, in turn between requests; returns
    these chunks. The caller sends a message for each after committing.

    The request with the least out goes first; of equal ones the small ones (one chunk's worth of people), then by
    chance. `express` more are for small requests with nothing out, so that they need not wait for a place. Of very many
    due requests, LOOKED_AT are considered, in turn between claims, and the newest; LOOKED_AT_MORE where too many of
    these have nothing to queue. Requests whose people the controller's directory must be asked about first are left
    out. READ_BACK_SHARE of the window is for read-backs.

    One dispatcher at a time works for a vendor, so that the window holds. A held vendor gets one chunk when its probe
    is due, and otherwise none, nor without `held_too`. `needs`: the steps of each sort of request, a sort being a kind
    or, for requests of up to `small_people` people, a kind and SMALL. While one of these steps is held, requests of
    that sort wait, except for one chunk when the step is to be tried. A chunk that no worker takes within `grace_s` is
    due again.
    """
    row = connection.execute(_LOCK_VENDOR, {"vendor": vendor}).one_or_none()
    if row is not None and row.unnoted:
        connection.execute(_NOTE_SERVED, {"vendor_id": row.id})
    if row is None or not row.may_send or (row.held and not held_too):
        return []
    if row.held:
        window, express = 1, 0
    out = connection.execute(_OUT, {"vendor_id": row.id}).one()
    room = window - out.chunks
    most = room + express
    if most <= 0:
        return []
    share = {"vendor_id": row.id, "grace_s": grace_s, "small_people": small_people}
    read_backs: list[Claimed] = []
    if out.to_read_back and not row.held:
        places = min(room, _places_to_read_back(window) - out.read_backs)
        if places > 0:
            read_backs += _claimed(connection, _CLAIM_VERIFICATIONS, {**share, "room": places})
            room, most = room - len(read_backs), most - len(read_backs)
    held = {step: bool(is_due) for step, is_due in row.held_steps or ()}
    free = [sort for sort in _SORTS if held.keys().isdisjoint(needs.get(sort, ()))]
    sought = {**share, "due_at": row.turn_due_at, "request_id": row.turn, "steps": max(LOOKED_AT, 2 * most)}
    claimed, last = _in_turn(connection, {**sought, "room": room, "most": most, "sorts": free})
    if last is not None and len(claimed) < room:
        sought |= {**last, "steps": LOOKED_AT_MORE}
        left = {"room": room - len(claimed), "most": most - len(claimed)}
        claimed += _in_turn(connection, {**sought, **left, "sorts": free})[0]
    for step in sorted(step for step, is_due in held.items() if is_due):
        claimed += _let_one_through(connection, sought, step, held, needs)
    if out.to_read_back and room > len(claimed):
        read_backs += _claimed(connection, _CLAIM_VERIFICATIONS, {**share, "room": room - len(claimed)})
    claimed += read_backs
    if row.held and claimed:
        connection.execute(_PROBING, {"vendor_id": row.id, "probe_after_s": grace_s})
    return claimed


def _claimed(connection: Connection, statement: TextClause, parameters: Mapping[str, Any]) -> list[Claimed]:
    return [Claimed(*row) for row in connection.execute(statement, parameters)]


def _in_turn(connection: Connection, parameters: Mapping[str, Any]) -> tuple[list[Claimed], dict[str, Any] | None]:
    """Queue deliveries, and pass the turn on. Returns also the position of the last request considered, from which a
    claim goes on; None where there are no more. Chunks that are due later are not read, however many there are."""
    rows = connection.execute(_CLAIM, parameters).all()
    last = {"due_at": rows[0].due_at, "request_id": rows[0].request_id}
    return [Claimed(*row[:4]) for row in rows if row.id is not None], last if last["due_at"] else None


def _places_to_read_back(window: int) -> int:
    if window > 1:
        return max(1, round(window * READ_BACK_SHARE))
    return int(random() < READ_BACK_SHARE)  # noqa: S311 - the only place, now and then; it keeps no secret


def _let_one_through(
    connection: Connection,
    sought: Mapping[str, Any],
    step: str,
    held: Mapping[str, bool],
    needs: Mapping[str, Collection[str]],
) -> list[Claimed]:
    """A chunk of which one person may try a held step."""
    barred = {other for other, is_due in held.items() if not is_due}
    sorts = [sort for sort in _SORTS if step in needs.get(sort, ()) and barred.isdisjoint(needs[sort])]
    if not sorts:
        return []
    claimed, _ = _in_turn(connection, {**sought, "room": 1, "most": 1, "sorts": sorts})
    for one in claimed:
        let_through(connection, sought["vendor_id"], step, one.chunk_id)
    return claimed


SMALL = ".small"
_SORTS = tuple(kind.value + size for kind in Kind for size in ("", SMALL))


def _walk(name: str, following: str, order: str, begin: str, steps: str) -> str:
    # One index probe for each time and request, however many chunks are due then.
    step = """
        SELECT due_at, request_id FROM chunks
        WHERE vendor_id = :vendor_id AND purpose = 'deliver' AND state <> 'closed' AND due_at <= now() AND {condition}
        ORDER BY due_at {order}, request_id {order} LIMIT 1
    """
    first = step.format(condition=begin, order=order)
    onward = step.format(condition=f"(due_at, request_id) {following} ({name}.due_at, {name}.request_id)", order=order)
    return f"""
        {name} (due_at, request_id, step) AS (
            SELECT due_at, request_id, 1 FROM ({first}) AS first
            UNION ALL
            SELECT next.due_at, next.request_id, step + 1
            FROM {name} CROSS JOIN LATERAL ({onward}) AS next WHERE step < {steps})
    """


_LOCK_VENDOR = text("""
    SELECT id, turn_due_at, turn, held_at IS NOT NULL AS held,
        held_at IS NULL OR COALESCE(probe_at <= now(), false) AS may_send,
        COALESCE(served_at < now() - interval '10 seconds', true) AS unnoted,
        (SELECT jsonb_agg(jsonb_build_array(step, COALESCE(steps.probe_at <= now(), false)))
         FROM steps WHERE steps.vendor_id = vendors.id AND steps.held_at IS NOT NULL) AS held_steps
    FROM vendors WHERE name = :vendor AND enabled
    FOR NO KEY UPDATE -- which a new chunk of this vendor need not wait for
""")
_NOTE_SERVED = text("UPDATE vendors SET served_at = now() WHERE id = :vendor_id")
_PROBING = text(f"UPDATE vendors {LATER} WHERE id = :vendor_id")
_OUT = text("""
    SELECT count(*) AS chunks, count(*) FILTER (WHERE purpose = 'verify') AS read_backs, EXISTS (
            SELECT FROM chunks
            WHERE vendor_id = :vendor_id AND purpose = 'verify' AND state <> 'closed' AND due_at <= now()
        ) AS to_read_back
    FROM chunks WHERE vendor_id = :vendor_id AND state IN ('queued', 'leased') AND due_at > now()
""")
# Arrays are taken with ANY, which the planner expects to be short: so it looks chunks up by id instead of reading all.
_CLAIM = text(f"""
    WITH RECURSIVE
    {_walk("in_turn", ">", "ASC", "(due_at, request_id) > (:due_at, :request_id)", ":steps")},
    {_walk("newest", "<", "DESC", "true", str(NEWEST))},
    looked_at AS (SELECT due_at, request_id FROM in_turn UNION SELECT due_at, request_id FROM newest),
    last AS (SELECT max(due_at) AS due_at, max(request_id) AS request_id FROM in_turn WHERE step = :steps),
    passed_on AS (
        UPDATE vendors SET turn_due_at = COALESCE(last.due_at, 'epoch'), turn = COALESCE(last.request_id, 0)
        FROM last
        WHERE vendors.id = :vendor_id
            AND (turn_due_at, turn) IS DISTINCT FROM (COALESCE(last.due_at, 'epoch'), COALESCE(last.request_id, 0))),
    out AS (
        SELECT request_id, count(*) AS chunks FROM chunks
        WHERE vendor_id = :vendor_id AND state IN ('queued', 'leased') AND due_at > now()
        GROUP BY request_id),
    due AS (
        SELECT due.id, requests.public_id, requests.subjects <= vendors.chunk_people AS small,
            COALESCE(out.chunks, 0) + row_number() OVER (PARTITION BY requests.id ORDER BY due.due_at, due.id) AS turn
        FROM looked_at
        -- OFFSET 0: looked up one by one, not joined with all requests there are
        CROSS JOIN LATERAL (SELECT * FROM requests WHERE requests.id = looked_at.request_id OFFSET 0) AS requests
        JOIN vendors ON vendors.id = :vendor_id
        LEFT JOIN out ON out.request_id = requests.id
        CROSS JOIN LATERAL (
            SELECT id, due_at FROM chunks
            WHERE vendor_id = :vendor_id AND due_at = looked_at.due_at AND request_id = looked_at.request_id
                AND purpose = 'deliver' AND state <> 'closed'
            ORDER BY due_at, request_id, id LIMIT :most) AS due
        WHERE requests.status = 'running' AND requests.not_before <= now() AND requests.to_resolve_from IS NULL
            AND CAST(requests.kind AS text) || CASE WHEN requests.subjects <= :small_people THEN '.small' ELSE '' END
                = ANY({unseen("sorts", "text")})),
    placed AS (
        SELECT id, public_id, turn, small, row_number() OVER (ORDER BY turn, small DESC, random()) AS place FROM due),
    queued AS (
        UPDATE chunks
        SET state = 'queued', lease = NULL, holder = NULL, due_at = now() + make_interval(secs => :grace_s)
        WHERE id = ANY(ARRAY(
            SELECT id FROM chunks
            WHERE id = ANY(ARRAY(
                    SELECT id FROM placed WHERE place <= :room OR (place <= :most AND small AND turn = 1)))
                AND CAST(state AS text) <> 'closed' AND due_at <= now()
            FOR UPDATE SKIP LOCKED))
        RETURNING id, last_line - first_line + 1 AS people)
    SELECT id, 'deliver' AS purpose, people, public_id, last.due_at, last.request_id
    FROM last LEFT JOIN (placed JOIN queued USING (id)) ON true ORDER BY place
""")
_CLAIM_VERIFICATIONS = text("""
    UPDATE chunks SET state = 'queued', lease = NULL, holder = NULL, due_at = now() + make_interval(secs => :grace_s)
    WHERE id IN (
        SELECT id FROM chunks
        WHERE vendor_id = :vendor_id AND purpose = 'verify' AND state <> 'closed' AND due_at <= now()
        ORDER BY due_at, id LIMIT :room
        FOR UPDATE SKIP LOCKED)
    RETURNING id, 'verify' AS purpose, last_line - first_line + 1 AS people,
        (SELECT public_id FROM requests WHERE requests.id = request_id)
""")
