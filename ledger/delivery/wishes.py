"""Other wishes of the same people: found here, bounded, newest first. `domain.wishes` decides what they mean."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from domain.outcomes import Outcome
from domain.requests import Kind, Subject
from domain.wish import State, order_of, state_of
from domain.wishes import Ref, can_matter
from ledger.contexts import options_context, session_context
from ledger.data_keys import wrapped_key
from ledger.delivery.chunks import Lease, Purpose
from ledger.delivery.pending import add_session
from ledger.delivery.same_people import same_people
from ledger.keys import key_unless_given_up
from ledger.people.opening import open_block
from ledger.sealing import MasterKeys, SealingKey


@dataclass(frozen=True, slots=True)
class Request:
    """Another request that somebody of a chunk is in, or the chunk's own."""

    kind: Kind
    effective_at: datetime
    people: int
    key: SealingKey | None = field(repr=False)  # None: its people are forgotten, or cannot be read any more
    options: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Person:
    """One person of such a request, and their delivery at the vendor."""

    state: State
    identifiers: Mapping[str, frozenset[UUID]] = field(repr=False)  # fingerprints by kind
    subject: Subject | None = field(repr=False)  # None: forgotten
    reason: str | None = None  # why, or which way was taken


@dataclass(frozen=True)
class Others:
    """The other deliveries of a chunk's people at its vendor."""

    matches: Mapping[int, Sequence[Ref]]
    """By line of the chunk; those without any are left out."""
    incomplete: frozenset[int]
    """Lines with more of them than were compared."""
    people: Mapping[Ref, Person] = field(repr=False)
    requests: Mapping[int, Request]
    """By number; includes the chunk's own."""


NOBODY = Others({}, frozenset(), {}, {})


def find_others(connection: Connection, lease: Lease, lines: Sequence[int], masters: MasterKeys) -> Others:
    """Other deliveries, at the vendor of a leased chunk, of people who share an identifier with those on these lines:
    deliveries due or under way, and newer wishes of another kind. Usually there are none.

    Raises ledger.sealing.UnsealError.
    """
    if not lines:
        return NOBODY
    found = same_people(connection, lease, lines)
    if not found.matches:
        return NOBODY
    pairs = {ref for refs in found.matches.values() for ref in refs}
    requests = _requests(connection, lease, {ref.request for ref in pairs}, masters)
    states = _states(connection, lease, [ref for ref in pairs if ref.request in requests], requests)
    matches = {line: [ref for ref in refs if ref in states] for line, refs in found.matches.items()}
    matches = {line: refs for line, refs in matches.items() if refs or line in found.incomplete}
    if not matches:
        return NOBODY
    mine = {Ref(lease.request_id, line): _DeliveryState(State.DUE, None) for line in matches}
    people = _people(connection, lease, {**states, **mine}, requests)
    matches = {line: [ref for ref in refs if ref in people] for line, refs in matches.items()}
    return Others(matches, found.incomplete, people, {id_: one.request for id_, one in requests.items()})


def lifted(connection: Connection, lease: Lease, lines: Sequence[int]) -> dict[int, set[str]]:
    """The reasons for which somebody has said of these people: send it all the same."""
    if lease.round == 1:
        return {}
    values = {**_where(lease), "round": lease.round, "lines": list(lines)}
    found: dict[int, set[str]] = {}
    for line, reason in connection.execute(_LIFTED, values):
        found.setdefault(line, set()).add(reason)
    return found


def _where(lease: Lease) -> dict[str, Any]:
    return {"request_id": lease.request_id, "vendor_id": lease.vendor_id}


# A retry that names the reason stores it with the round that it begins.
_LIFTED = text("""
    SELECT line, reason FROM outcomes
    WHERE request_id = :request_id AND vendor_id = :vendor_id AND line = ANY(CAST(:lines AS integer[]))
        AND round = :round - 1 AND outcome = 'pending' AND reason IS NOT NULL
""")


class _Asked(NamedTuple):
    request: Request
    status: str
    begun: bool


def _requests(connection: Connection, lease: Lease, ids: Iterable[int], masters: MasterKeys) -> dict[int, _Asked]:
    """Those of these requests that go to the lease's vendor, and its own."""
    asked: dict[int, _Asked] = {}
    values = {"ids": [*ids, lease.request_id], "vendor_id": lease.vendor_id}
    for row in connection.execute(_REQUESTS, values):
        key = None
        if row.data_key is not None:
            key = key_unless_given_up(connection, masters, row.public_id, row.data_key)
        options = None if key is None else key.open(row.options, options_context(row.public_id))
        asked[row.id] = _Asked(
            Request(Kind(row.kind), row.effective_at, row.subjects, key, options), row.status, row.begun
        )
    return asked


_REQUESTS = text(f"""
    SELECT id, public_id, kind, CAST(status AS text) AS status, effective_at, not_before <= now() AS begun, subjects,
        {wrapped_key()} AS data_key, options
    FROM requests WHERE id = ANY(CAST(:ids AS bigint[])) AND :vendor_id = ANY(vendor_ids)
""")


class _DeliveryState(NamedTuple):
    state: State
    reason: str | None


def _states(
    connection: Connection, lease: Lease, refs: Sequence[Ref], requests: Mapping[int, _Asked]
) -> dict[Ref, _DeliveryState]:
    """The states of these deliveries, of those that can make a difference."""
    orders = {id_: order_of(one.request.kind, one.request.effective_at, id_) for id_, one in requests.items()}
    mine, reads_back = orders[lease.request_id], lease.purpose is Purpose.VERIFY
    found: dict[Ref, _DeliveryState] = {}
    for row in connection.execute(_STATES, {**_pairs(refs), "vendor_id": lease.vendor_id}):
        state, kind = _state(requests[row.request_id], row), requests[row.request_id].request.kind
        if can_matter(lease.kind, mine, kind, orders[row.request_id], state, reads_back=reads_back):
            found[Ref(row.request_id, row.line)] = _DeliveryState(state, row.reason)
    return found


def _pairs(refs: Iterable[Ref]) -> dict[str, Any]:
    requests, lines = zip(*refs, strict=True) if refs else ((), ())
    return {"requests": list(requests), "lines": list(lines)}


# A separate statement: it reads outcomes of any request, so planning it considers every volume.
_STATES = text("""
    SELECT pair.request_id, pair.line, CAST(latest.outcome AS text) AS outcome, latest.reason,
        COALESCE(open.leased, false) AS leased, COALESCE(open.delivers, false) AS delivers
    FROM unnest(CAST(:requests AS bigint[]), CAST(:lines AS integer[])) AS pair (request_id, line)
    LEFT JOIN LATERAL (
        SELECT outcome, reason, round FROM outcomes
        WHERE request_id = pair.request_id AND vendor_id = :vendor_id AND line = pair.line
        ORDER BY round DESC LIMIT 1) AS latest ON true
    LEFT JOIN LATERAL (
        SELECT bool_or(state = 'leased') AS leased, bool_or(purpose = 'deliver') AS delivers
        FROM chunks
        WHERE request_id = pair.request_id AND vendor_id = :vendor_id AND state <> 'closed'
            AND pair.line BETWEEN first_line AND last_line AND round = COALESCE(latest.round, 0) + 1
            -- a later round is about those whose last outcome it awaits
            AND (round = 1 OR latest.outcome = CASE purpose
                WHEN 'deliver' THEN CAST('pending' AS outcome) ELSE 'accepted' END)) AS open ON true
""")


def _people(
    connection: Connection, lease: Lease, states: Mapping[Ref, _DeliveryState], requests: Mapping[int, _Asked]
) -> dict[Ref, Person]:
    values = {**_pairs(states), "vendor_id": lease.vendor_id}
    rows = connection.execute(_PEOPLE, values).all()
    prints = {
        Ref(row.request_id, row.line): {
            kind: {a_print}
            for kind, a_print in (
                ("user_id", row.user_print),
                ("email", row.email_print),
                ("phone_number", row.phone_print),
            )
            if a_print is not None
        }
        for row in rows
    }
    for row in connection.execute(_OTHER_IDENTIFIERS, values):
        prints.get(Ref(row.request_id, row.line), {}).setdefault(row.kind, set()).add(row.print)
    subjects = _opened(lease, rows, requests)
    return {
        ref: Person(
            states[ref].state,
            {kind: frozenset(those) for kind, those in its_prints.items()},
            subjects.get(ref),
            states[ref].reason,
        )
        for ref, its_prints in prints.items()
    }


_PEOPLE = text("""
    SELECT pair.request_id, pair.line, people.sealed, people.user_print, people.email_print, people.phone_print,
        sessions.sealed AS session
    FROM unnest(CAST(:requests AS bigint[]), CAST(:lines AS integer[])) AS pair (request_id, line)
    CROSS JOIN LATERAL (
        SELECT * FROM subjects WHERE request_id = pair.request_id AND line = pair.line OFFSET 0) AS people
    LEFT JOIN LATERAL (
        SELECT sealed FROM sessions
        WHERE request_id = pair.request_id AND vendor_id = :vendor_id AND line = pair.line OFFSET 0) AS sessions ON true
""")
_OTHER_IDENTIFIERS = text("""
    SELECT also.request_id, also.line, also.kind, also.print
    FROM unnest(CAST(:requests AS bigint[]), CAST(:lines AS integer[])) AS pair (request_id, line)
    CROSS JOIN LATERAL (
        SELECT * FROM other_identifiers WHERE request_id = pair.request_id AND line = pair.line OFFSET 0) AS also
""")


def _state(asked: _Asked, row: Any) -> State:
    cancelled = asked.status == "cancelled"
    if row.leased:
        return State.STOPPING if cancelled else State.IN_FLIGHT
    if row.outcome is not None and row.outcome != "pending":
        return state_of(asked.request.kind, Outcome(row.outcome), row.reason)
    if cancelled:
        return State.CANCELLED
    # Who cannot be read any more is never sent, so nobody has to wait for them.
    goes = row.delivers and asked.begun and asked.status == "running" and asked.request.key is not None
    return State.DUE if goes else State.ASIDE


def _opened(lease: Lease, rows: Sequence[Any], requests: Mapping[int, _Asked]) -> dict[Ref, Subject]:
    """Everybody who is not forgotten, with their session on record."""
    by_request: dict[int, list[Any]] = {}
    for row in rows:
        if row.sealed:  # else forgotten, though others of the request are not
            by_request.setdefault(row.request_id, []).append(row)
    opened: dict[Ref, Subject] = {}
    for request_id, those in by_request.items():
        key = requests[request_id].request.key
        if key is None:
            continue
        subjects = open_block(key, request_id, [(row.line, row.sealed) for row in those])
        for row, subject in zip(those, subjects, strict=True):
            if row.session is not None:
                add_session(subject, lease.vendor, key.open(row.session, _context(lease, row)))
            opened[Ref(request_id, row.line)] = subject
    return opened


def _context(lease: Lease, row: Any) -> bytes:
    return session_context(row.request_id, row.line, lease.vendor_id)
