"""Requests in the ledger: recorded whole or not at all, found again, closed, cancelled."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from pydantic_core import to_json
from sqlalchemy import Connection, text

from domain.chunking import cut
from domain.deadlines import TERMS, AskedInRows, Regulation, Term, begins_at, times_of
from domain.noticed import Noticed
from domain.notices import Callback
from domain.reach import Fields, Headcount
from domain.requests import Kind, Subject
from ledger.accounts.audit import HERE, Origin
from ledger.accounts.persons import persons_of
from ledger.clock import now
from ledger.contexts import key_context, options_context
from ledger.delivery.vendors import Vendor
from ledger.desk.deeds import add_note
from ledger.notices.webhooks import add_callbacks
from ledger.people.people import add_people
from ledger.people.prints import Prints
from ledger.requests import lately, settling
from ledger.requests.idempotency import ON_KEY_TAKEN, print_of_key, unless_taken_in_clear
from ledger.sealing import Fingerprinter, MasterKeys, SealingKey
from ledger.unsettled import ACCEPT, COMPLETED_IN_ERROR, NEEDS_ATTENTION, NOTHING_OPEN

Also = Callable[[Connection, int, UUID, SealingKey], None]
"""Writes what belongs to a request that is being recorded: given its id, its public id and its data key."""
Warn = Callable[[Mapping[str, int], int], None]
"""Says how many people cannot be found, by vendor, of how many."""


@dataclass(frozen=True)
class NewRequest:
    """A request to be recorded."""

    kind: Kind
    vendors: Sequence[Vendor]
    options: bytes = field(repr=False)
    """JSON, by vendor; sealed like the people, for attribute values can be personal."""
    session_vendors: frozenset[str] = frozenset()
    idempotency_key: str | None = field(default=None, repr=False)
    clear_keys: bool = False
    """Keys are left that an earlier version recorded as they are: look among those, too."""
    submitted_by: str = "unknown"
    asked_at: datetime | None = None
    """When the controller was asked; None: on receipt."""
    effective_at: datetime | None = None
    """When the people made their wish; None: when the controller was asked."""
    regulation: Regulation = Regulation.GDPR
    term: Term = TERMS[Regulation.GDPR][Kind.ERASURE]
    """What `regulation` allows for this kind."""
    rows: AskedInRows = field(default_factory=AskedInRows)
    """When the people asked by their own records; whole once all people have passed."""
    not_before: datetime | None = None
    cool_off_s: float = 0.0
    """Nothing is sent for so long after receipt, nor before `not_before`."""
    confirm_above: int | None = None
    """With more people than this it waits for a confirmation, unless it is `confirmed`."""
    confirm_within_s: float = 0.0
    """What its submitter sent within so many seconds counts too; 0: each request by itself."""
    confirmed: bool = False
    callbacks: Sequence[Callback] = ()
    """Who is told of its changes of status, besides the operator's receivers."""
    also: Also | None = field(default=None, repr=False)
    """Written with it, or not at all."""
    reach: Mapping[str, Fields] = field(default_factory=dict)
    """By vendor, the fields of a person by which they are found there, where it has such an operation."""
    resolvable: frozenset[str] = frozenset()
    """Vendors that the controller's directory is asked for, before anything is sent, where people lack what they are
    found by there."""
    accept_unreachable: bool = False
    """Its submitter accepts that some people cannot be found at some vendors."""
    warn: Warn | None = field(default=None, repr=False)
    """Called before it stands, so before anything is sent, where some cannot be found."""
    noticed: Noticed = field(default_factory=Noticed, repr=False)
    """What was allowed, and what was noticed of the people once all have passed."""
    origin: Origin = HERE
    """Whence it came, for the audit log."""

    @property
    def everyday(self) -> int | None:
        """So many people are everyday traffic, which is not counted: a shop's customers one by one are no campaign,
        however many there are in a day. None: nothing is counted."""
        return self.confirm_above and self.confirm_above // (EVERYDAY_PARTS if self.confirm_within_s else 1)


class Recorded(NamedTuple):
    """A request that is on record. `unconfirmed`: nothing of it is sent until someone confirms it. `unreachable`: how
    many of its people cannot be found at which vendor, as it was recorded."""

    public_id: UUID
    people: int
    duplicates: int
    unconfirmed: bool = False
    unreachable: Mapping[str, int] = MappingProxyType({})


class NothingToDoError(Exception):
    """A request without a single person."""


class TooLateError(Exception):
    """A request that would not be sent before it is due."""


class KeyTakenError(Exception):
    """Another request was recorded under this idempotency key in the meantime."""


def record(
    connection: Connection, new: NewRequest, people: Iterable[Subject], *, masters: MasterKeys, prints: Prints
) -> Recorded:
    """Write a request, its people, its chunks and its entry in the audit log. All of it stands when the caller commits,
    none of it before.

    Raises NothingToDoError; TooLateError; KeyTakenError, before reading anybody; whatever `people` raises.
    """
    key = SealingKey.generate()
    received_at = now(connection)
    given = row_of(new, key, masters, prints.fingerprinter, received_at)
    public_id = given["public_id"]
    request_id: int | None = connection.execute(_INSERT, given).scalar_one_or_none()
    if request_id is None:
        raise KeyTakenError
    add_callbacks(connection, request_id, public_id, new.callbacks, key)
    if new.also is not None:
        new.also(connection, request_id, public_id, key)
    sessions = {vendor.name: vendor.id for vendor in new.vendors if vendor.name in new.session_vendors}
    headcount = Headcount(new.reach)
    passing = headcount.passing(people)
    counted = add_people(connection, request_id, passing, key=key, prints=prints, session_vendors=sessions)
    if not counted.lines:
        raise NothingToDoError
    new.noticed.crowds = counted.crowds
    unreachable = headcount.without(counted.repeats)
    if unreachable and new.warn is not None:
        new.warn(unreachable, counted.people)
    large = _is_large(connection, new, counted.people)
    spans = [(vendor.id, span) for vendor in new.vendors for span in cut(counted.lines, vendor.chunk_people)]
    connection.execute(
        _TAKE_IN,
        {
            "vendor_ids": [vendor_id for vendor_id, _ in spans],
            "first_lines": [span.first for _, span in spans],
            "last_lines": [span.last for _, span in spans],
            "id": request_id,
            "status": "unconfirmed" if large and not new.confirmed else "running",
            "confirmed_by": new.submitted_by if large and new.confirmed else None,
            "subjects": counted.people,
            "duplicates": len(counted.repeats),
            "unreachable": unreachable_json(unreachable),
            "to_resolve_from": to_resolve_from(new, unreachable),
            "digest": digest_of(new, prints),
            "file_lines": new.noticed.file_lines.packed(),
            "because": new.noticed.told(),
            **new.origin._asdict(),
            **_moments_of(new, received_at),  # again: the people may have asked at different times
        },
    )
    if large and new.confirmed:
        add_note(connection, request_id, new.submitted_by, "confirm", because="by its own submitter")
    if new.noticed.allowed:
        add_note(connection, request_id, new.submitted_by, "allow_placeholders", because=new.noticed.allowed.told())
    if new.accept_unreachable:
        add_note(connection, request_id, new.submitted_by, ACCEPT, because="with the request")
    return Recorded(
        public_id, counted.people, len(counted.repeats), large and not new.confirmed, MappingProxyType(unreachable)
    )


def _is_large(connection: Connection, new: NewRequest, people: int) -> bool:
    """Whether somebody else has to look at it: by itself, or with what its submitter has sent lately."""
    if new.confirm_above is None or new.everyday is None or people <= new.everyday:
        return False
    if people > new.confirm_above:
        return True
    if new.confirmed or not new.confirm_within_s:
        return False
    persons = persons_of(connection, new.submitted_by)
    return lately.exceeds(connection, persons, people, above=new.confirm_above, within_s=new.confirm_within_s)


EVERYDAY_PARTS = 500
"""What is at most this part of the largest unconfirmed request is everyday traffic: 20 of 10,000 people."""


def to_resolve_from(new: NewRequest, unreachable: Mapping[str, int]) -> int | None:
    """The line from which on the directory is asked about people of a new request; None: it need not be asked."""
    return None if new.resolvable.isdisjoint(unreachable) else 1


def unreachable_json(unreachable: Mapping[str, int]) -> str | None:
    """As `requests.unreachable` keeps it: nothing where everybody can be found."""
    return to_json(unreachable).decode() if unreachable else None


def row_of(
    new: NewRequest, key: SealingKey, masters: MasterKeys, fingerprinter: Fingerprinter, received_at: datetime
) -> dict[str, Any]:
    """What stands of a new request in `requests`, by column, before anybody has read its people.

    Raises TooLateError.
    """
    public_id = uuid4()
    return {
        "public_id": public_id,
        "kind": new.kind.value,
        "vendor_ids": [vendor.id for vendor in new.vendors],
        "data_key": masters.seal(key.raw, key_context(public_id)),
        "options": key.seal(new.options, options_context(public_id)),
        "idempotency_print": print_of_key(fingerprinter, new.idempotency_key) if new.idempotency_key else None,
        "clear_key": new.idempotency_key if new.clear_keys else None,
        "submitted_by": new.submitted_by,
        "regulation": new.regulation.value,
        "received_at": received_at,
        **_moments_of(new, received_at),
    }


def _moments_of(new: NewRequest, received_at: datetime) -> dict[str, datetime]:
    """The moments of a request that follow from what was given with it, by column. Raises TooLateError."""
    times = times_of(
        new.kind,
        new.term,
        received_at=received_at,
        asked_at=new.asked_at,
        effective_at=new.effective_at,
        rows=new.rows,
    )
    begin = begins_at(
        received_at=received_at, due_at=times.due_at, not_before=new.not_before, cool_off_s=new.cool_off_s
    )
    if begin is None:
        raise TooLateError
    # Not `asdict`, which copies each moment.
    return {**vars(times), "not_before": begin}


def digest_of(new: NewRequest, prints: Prints) -> bytes:
    """Keyed digest of the people that `prints` has seen, and of the times, the regulation and the callbacks given with
    them."""
    times = _in_utc(new.effective_at, new.not_before)
    asked = [*_in_utc(new.asked_at), new.rows.digest(), new.regulation]
    # Left out where nothing of it is given, as requests were recorded before any of it could be.
    law = to_json(asked) if asked != [None, None, Regulation.GDPR] else b""
    callbacks = to_json([callback.url for callback in new.callbacks]) if new.callbacks else b""
    accepted = b"accept_unreachable" if new.accept_unreachable else b""
    given = prints.digest() + to_json(times) + law + callbacks + accepted
    return prints.fingerprinter.print_of(b"request", given)


def _in_utc(*moments: datetime | None) -> list[datetime | None]:
    return [moment.astimezone(UTC) if moment else None for moment in moments]


_INSERT = text(f"""
    INSERT INTO requests (public_id, kind, vendor_ids, data_key, options, idempotency_print, submitted_by, regulation,
        received_at, asked_at, effective_at, due_at, not_before)
    SELECT :public_id, CAST(:kind AS kind), CAST(:vendor_ids AS smallint[]), CAST(:data_key AS bytea),
        CAST(:options AS bytea), CAST(:idempotency_print AS uuid), :submitted_by, :regulation,
        CAST(:received_at AS timestamptz), CAST(:asked_at AS timestamptz), CAST(:effective_at AS timestamptz),
        CAST(:due_at AS timestamptz), CAST(:not_before AS timestamptz)
    WHERE {unless_taken_in_clear("CAST(:clear_key AS text)")}
    {ON_KEY_TAKEN}
    RETURNING id
""")
_TAKE_IN = text("""
    WITH cut AS (
        INSERT INTO chunks (request_id, due_at, vendor_id, first_line, last_line)
        SELECT id, CAST(:not_before AS timestamptz), span.*
        FROM requests CROSS JOIN unnest(CAST(:vendor_ids AS smallint[]), CAST(:first_lines AS integer[]),
            CAST(:last_lines AS integer[])) AS span
        WHERE id = :id),
    noted AS (
        INSERT INTO audit_entries (by, deed, target, allowed, because, source, key_prefix)
        SELECT submitted_by, 'submit', public_id, true, :because, :source, :key_prefix FROM requests WHERE id = :id)
    UPDATE requests
    SET status = CAST(:status AS request_status), confirmed_by = :confirmed_by, subjects = :subjects,
        duplicates = :duplicates, content_digest = :digest, asked_at = :asked_at, effective_at = :effective_at,
        due_at = :due_at, not_before = :not_before, unreachable = CAST(:unreachable AS jsonb), file_lines = :file_lines,
        to_resolve_from = :to_resolve_from
    WHERE id = :id
""")


class Earlier(NamedTuple):
    """The request that an idempotency key already stands for, and a digest of what was submitted."""

    recorded: Recorded
    kind: Kind
    vendor_ids: list[int]
    options: bytes
    digest: bytes

    def __repr__(self) -> str:
        return f"Earlier(recorded={self.recorded})"


def find_by_idempotency_key(
    connection: Connection, key: str, masters: MasterKeys, fingerprinter: Fingerprinter
) -> Earlier | None:
    """The request submitted under this key, if any. Raises ledger.sealing.UnsealError."""
    named = {"print": print_of_key(fingerprinter, key), "key": key}
    row = connection.execute(_BY_IDEMPOTENCY_KEY, named).one_or_none()
    if row is None:
        return None
    data_key = SealingKey(masters.open(row.data_key, key_context(row.public_id)))
    return Earlier(
        Recorded(row.public_id, row.subjects, row.duplicates, row.status == "unconfirmed", row.unreachable or {}),
        Kind(row.kind),
        list(row.vendor_ids),
        data_key.open(row.options, options_context(row.public_id)),
        row.content_digest,
    )


_BY_IDEMPOTENCY_KEY = text("""
    SELECT public_id, kind, status, vendor_ids, subjects, duplicates, data_key, options, content_digest,
        unreachable
    FROM requests WHERE idempotency_print = CAST(:print AS uuid) OR idempotency_key = :key
    ORDER BY id DESC LIMIT 1
""")


class Closed(NamedTuple):
    """How many requests were closed, and to which of them a delivery of another one has given way."""

    number: int
    successors: list[int]


def close_settled(connection: Connection, request_id: int | None = None) -> Closed:
    """Close running requests whose last delivery is settled: that one, or all of which it may be so
    (ledger.requests.settling). A completed one in which a read-back found what needs attention becomes one
    with exceptions."""
    if request_id is not None:
        return _close_settled(connection, [request_id])
    ids = set(settling.changed(connection))
    round_of_all = settling.whose_turn(connection)
    if round_of_all is not None:
        ids.update(round_of_all)
        connection.execute(_FLAG_ALL)
    return _close_settled(connection, sorted(ids)) if ids else Closed(0, [])


def _close_settled(connection: Connection, ids: Sequence[int]) -> Closed:
    settled = list(connection.execute(_LOCK_SETTLED, {"ids": ids}).scalars())
    closed = connection.execute(_CLOSE, {"ids": settled}).all() if settled else []
    connection.execute(_FLAG, {"ids": ids})
    return Closed(len(closed), [row.id for row in closed if row.is_successor])


def flag(connection: Connection, request_id: int) -> None:
    """Let a completed request in which something needs attention after all become one with exceptions."""
    connection.execute(_FLAG, {"ids": [request_id]})


_WITH_EXCEPTIONS = f"""
    EXISTS (
        SELECT FROM tallies
        WHERE tallies.request_id = requests.id AND deliveries > 0
            AND {NEEDS_ATTENTION})
"""
# Locked first, and looked at again in a second statement: a retry may have opened new chunks while we waited. By their
# ids: compared as it is, `status` would let the planner read through an index of all that run.
_LOCK_SETTLED = text(f"""
    SELECT id FROM requests
    WHERE id = ANY(CAST(:ids AS bigint[])) AND CAST(status AS text) = 'running' AND not_before <= now()
        AND {NOTHING_OPEN}
    ORDER BY id FOR NO KEY UPDATE
""")
_CLOSE = text(f"""
    UPDATE requests
    SET closed_at = now(),
        status = CAST(CASE WHEN {_WITH_EXCEPTIONS} THEN 'completed_with_exceptions' ELSE 'completed' END
            AS request_status)
    WHERE CAST(status AS text) = 'running' AND id = ANY(CAST(:ids AS bigint[])) AND {NOTHING_OPEN}
    RETURNING id, EXISTS (SELECT FROM successions WHERE by_request = requests.id) AS is_successor
""")
_FLAG = text(f"""
    UPDATE requests SET status = 'completed_with_exceptions'
    WHERE CAST(status AS text) = 'completed' AND id = ANY(CAST(:ids AS bigint[])) AND {_WITH_EXCEPTIONS}
""")
_FLAG_ALL = text(f"UPDATE requests SET status = 'completed_with_exceptions' WHERE {COMPLETED_IN_ERROR}")


def judge_again(connection: Connection, *request_ids: int) -> None:
    """A person has settled something of these requests: let the status of a closed one follow."""
    connection.execute(_JUDGE_AGAIN, {"ids": sorted(request_ids)})


_JUDGE_AGAIN = text(f"""
    UPDATE requests SET status = 'completed'
    WHERE status = 'completed_with_exceptions' AND id = ANY(CAST(:ids AS bigint[])) AND NOT {_WITH_EXCEPTIONS}
""")
