"""Records requests as a whole or not at all, and finds them by their idempotency key."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from domain.chunking import cut
from domain.past_erasures import ErasedBefore
from domain.reach import Headcount
from domain.requests import Kind, Subject
from domain.suppression import is_told
from ledger import suppression
from ledger.accounts.persons import persons_of
from ledger.clock import now
from ledger.contexts import options_context
from ledger.data_keys import KEEP, wrapped_key
from ledger.desk.deeds import add_note
from ledger.keys import are_current, open_key
from ledger.notices.webhooks import add_callbacks
from ledger.people.adding import add_people
from ledger.people.prints import Prints
from ledger.requests import lately
from ledger.requests.idempotency import print_of_key
from ledger.requests.new_request import (
    GUARDS,
    ROW,
    NewRequest,
    digest_of,
    inserting,
    moments_of,
    row_of,
    to_resolve_from,
    unreachable_json,
)
from ledger.requests.references import add_reference
from ledger.sealing import Fingerprinter, MasterKeys, SealingKey
from ledger.unsettled import ACCEPT


class Recorded(NamedTuple):
    """A request on record. `unconfirmed`: nothing of it is sent until it is confirmed. `unreachable`: how many of its
    people cannot be found at which vendor, when it was recorded. `erased_before`: of an opt-in or a small opt-out
    just recorded, who is on the suppression list."""

    public_id: UUID
    people: int
    duplicates: int
    unconfirmed: bool = False
    unreachable: Mapping[str, int] = MappingProxyType({})
    erased_before: ErasedBefore | None = None


class NothingToDoError(Exception):
    """A request without people."""


class KeyTakenError(Exception):
    """Another request was recorded under this idempotency key in the meantime."""


class KeysChangedError(Exception):
    """A fingerprint key was replaced in the meantime: look up the fingerprinter anew."""


def record(
    connection: Connection, new: NewRequest, people: Iterable[Subject], *, masters: MasterKeys, prints: Prints
) -> Recorded:
    """Write a request, its people, its chunks and its entry in the audit log. All of it is kept when the caller
    commits, none before.

    Raises NothingToDoError; TooLateError; FutureError; KeyTakenError and KeysChangedError, before reading anybody;
    whatever `people` raises.
    """
    key = SealingKey.generate()
    received_at = now(connection)
    given = row_of(new, key, masters, prints.fingerprinter, received_at)
    public_id = given["public_id"]
    request_id: int | None = connection.execute(_INSERT, given).scalar_one_or_none()
    if request_id is None:
        raise KeyTakenError if are_current(connection, prints.fingerprinter) else KeysChangedError
    add_callbacks(connection, request_id, public_id, new.callbacks, key)
    if new.reference:
        add_reference(connection, request_id, public_id, new.reference, key=key, fingerprinter=prints.fingerprinter)
    if new.also is not None:
        new.also(connection, request_id, public_id, key)
    sessions = {vendor.name: vendor.id for vendor in new.vendors if vendor.name in new.session_vendors}
    headcount = Headcount(new.reach)
    passing = headcount.passing(people)
    counted = add_people(
        connection,
        request_id,
        passing,
        key=key,
        prints=prints,
        besides=prints.besides(new.kind),
        session_vendors=sessions,
    )
    if not counted.lines:
        raise NothingToDoError
    new.noticed.crowds = counted.crowds
    if is_told(new.kind, counted.people):
        new.noticed.erased_before = suppression.erased_in(connection, request_id, new.suppression_days)
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
            "because": new.noticed.summary(),
            **new.origin._asdict(),
            **moments_of(new, received_at),  # again: the people may have asked at different times
        },
    )
    if large and new.confirmed:
        add_note(connection, request_id, new.submitted_by, "confirm", because="by its own submitter")
    if new.noticed.allowed:
        add_note(connection, request_id, new.submitted_by, "allow_placeholders", because=new.noticed.allowed.summary())
    if new.accept_unreachable:
        add_note(connection, request_id, new.submitted_by, ACCEPT, because="with the request")
    return Recorded(
        public_id,
        counted.people,
        len(counted.repeats),
        large and not new.confirmed,
        MappingProxyType(unreachable),
        new.noticed.erased_before,
    )


def _is_large(connection: Connection, new: NewRequest, people: int) -> bool:
    """Whether a second person has to confirm it: by itself, or with what its submitter has sent recently."""
    if new.confirm_above is None or new.everyday is None or people <= new.everyday:
        return False
    if people > new.confirm_above:
        return True
    if new.confirmed or not new.confirm_within_s:
        return False
    persons = persons_of(connection, new.submitted_by)
    return lately.exceeds(connection, persons, people, above=new.confirm_above, within_s=new.confirm_within_s)


_GIVEN = ", ".join(f"CAST(:{name} AS {type_}) AS {name}" for name, type_ in {**ROW, **GUARDS}.items())
_INSERT = text(f"""
    WITH request AS (
        {inserting(f"(SELECT {_GIVEN}) AS given")}
        RETURNING id),
    key AS ({KEEP} (SELECT id, CAST(:data_key AS bytea) AS data_key FROM request) AS fresh)
    SELECT id FROM request
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
    """The request that an idempotency key belongs to, and a digest of what was submitted."""

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
    named = {"prints": [print_of_key(one, key) for one in fingerprinter.every], "key": key}
    row = connection.execute(_BY_IDEMPOTENCY_KEY, named).one_or_none()
    if row is None:
        return None
    data_key = open_key(masters, row.public_id, row.data_key)
    return Earlier(
        Recorded(row.public_id, row.subjects, row.duplicates, row.status == "unconfirmed", row.unreachable or {}),
        Kind(row.kind),
        list(row.vendor_ids),
        data_key.open(row.options, options_context(row.public_id)),
        row.content_digest,
    )


_BY_IDEMPOTENCY_KEY = text(f"""
    SELECT public_id, kind, status, vendor_ids, subjects, duplicates, {wrapped_key()} AS data_key, options,
        content_digest, unreachable
    FROM requests WHERE idempotency_print = ANY(CAST(:prints AS uuid[])) OR idempotency_key = :key
    ORDER BY id DESC LIMIT 1
""")
