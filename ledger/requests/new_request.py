"""A request to be recorded, and its columns in `requests`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

from pydantic_core import to_json
from sqlalchemy import Connection

from domain.deadlines import TERMS, AskedInRows, Term, begins_at, times_of
from domain.moments import as_written, possible_from
from domain.noticed import Noticed
from domain.notices import Callback
from domain.reach import NOWHERE, Reach
from domain.regulations import Regulation
from domain.requests import Kind
from ledger.accounts.audit import HERE, Origin
from ledger.contexts import key_context, options_context
from ledger.delivery.vendors import Vendor
from ledger.key_numbers import CHANGES
from ledger.people.prints import Prints
from ledger.requests.idempotency import (
    ON_KEY_TAKEN,
    older_prints_of_key,
    print_of_key,
    unless_taken_by_an_older_print,
    unless_taken_in_clear,
)
from ledger.sealing import Fingerprinter, MasterKeys, SealingKey

Also = Callable[[Connection, int, UUID, SealingKey], None]
"""Writes what belongs to a request that is being recorded, given its id, its public id and its data key."""
Warn = Callable[[Mapping[str, int], int], None]
"""Called with how many people cannot be found, by vendor, and of how many."""


@dataclass(frozen=True)
class NewRequest:
    """A request to be recorded."""

    kind: Kind
    vendors: Sequence[Vendor]
    options: bytes = field(repr=False)
    """JSON, by vendor; sealed like the people, because attribute values can be personal."""
    session_vendors: frozenset[str] = frozenset()
    idempotency_key: str | None = field(default=None, repr=False)
    clear_keys: bool = False
    """Keys are left that an earlier version stored in clear: search those too."""
    submitted_by: str = "unknown"
    asked_at: datetime | None = None
    """When the controller was asked; None: on receipt."""
    effective_at: datetime | None = None
    """When the people expressed their wish; None: when the controller was asked."""
    regulation: Regulation = Regulation.GDPR
    term: Term = TERMS[Regulation.GDPR][Kind.ERASURE]
    """What `regulation` allows for this kind."""
    rows: AskedInRows = field(default_factory=AskedInRows)
    """When the people asked by their own records; complete once all people have passed."""
    not_before: datetime | None = None
    cool_off_s: float = 0.0
    """Nothing is sent for so long after receipt, nor before `not_before`."""
    confirm_above: int | None = None
    """With more people than this it waits for a confirmation, unless it is `confirmed`."""
    confirm_within_s: float = 0.0
    """What its submitter sent within so many seconds counts too; 0: each request by itself."""
    suppression_days: float | None = None
    """How long an erasure counts when somebody opts in; None: for ever."""
    confirmed: bool = False
    callbacks: Sequence[Callback] = ()
    """Who gets its changes of status, besides the operator's receivers."""
    also: Also | None = field(default=None, repr=False)
    """Written with it, or not at all."""
    reach: Reach = NOWHERE
    """How people are found at its vendors, where these have such an operation."""
    resolvable: frozenset[str] = frozenset()
    """Vendors for which the controller's directory is asked, before anything is sent, where people lack identifiers."""
    accept_unreachable: bool = False
    """Its submitter accepts that some people cannot be found at some vendors."""
    warn: Warn | None = field(default=None, repr=False)
    """Called before anything is recorded, where some people cannot be found."""
    reference: str | None = field(default=None, repr=False)
    """What its submitter calls it; sealed like the people, because it may be somebody's address."""
    noticed: Noticed = field(default_factory=Noticed, repr=False)
    """What was allowed, and what was noticed once all people have passed."""
    origin: Origin = HERE
    """Where it came from, for the audit log."""

    @property
    def everyday(self) -> int | None:
        """Requests of up to so many people are everyday traffic and not counted: a shop's customers one by one are no
        campaign, however many there are in a day. None: nothing is counted."""
        return self.confirm_above and self.confirm_above // (EVERYDAY_PARTS if self.confirm_within_s else 1)


EVERYDAY_PARTS = 500
"""Up to this part of the largest unconfirmed request is everyday traffic: 20 of 10,000 people."""


class FutureError(Exception):
    """A time of something that has happened is in the future, by PostgreSQL's clock."""

    def __init__(self, name: str, person: int | None = None) -> None:
        """`person`: the position of the one whose it is; None: the request's."""
        super().__init__(f"{name} is in the future")
        self.name, self.person = name, person


class TooLateError(Exception):
    """A request that would not be sent before it is due."""


def to_resolve_from(new: NewRequest, unreachable: Mapping[str, int]) -> int | None:
    """The line from which on the directory is asked about people of a new request; None: it is not asked."""
    return None if new.resolvable.isdisjoint(unreachable) else 1


def unreachable_json(unreachable: Mapping[str, int]) -> str | None:
    """The value of `requests.unreachable`: nothing where everybody can be found."""
    return to_json(unreachable).decode() if unreachable else None


def row_of(
    new: NewRequest, key: SealingKey, masters: MasterKeys, fingerprinter: Fingerprinter, received_at: datetime
) -> dict[str, Any]:
    """The columns of a new request in `requests`, and its wrapped data key, before its people are read; with what
    decides whether it is inserted.

    Raises TooLateError, FutureError.
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
        "older_prints": older_prints_of_key(fingerprinter, new.idempotency_key) if new.idempotency_key else None,
        "changes": fingerprinter.changes,
        "submitted_by": new.submitted_by,
        "regulation": new.regulation.value,
        "received_at": received_at,
        **moments_of(new, received_at),
    }


def moments_of(new: NewRequest, received_at: datetime) -> dict[str, datetime]:
    """The times of a request, by column, from what was given with it. Raises TooLateError, FutureError."""
    given = {"asked_at": new.asked_at, "effective_at": new.effective_at}
    possible = {name: possible_from(at) for name, at in given.items() if at is not None}
    for name, at in possible.items():
        if at > received_at:
            raise FutureError(name)
    if new.rows.possible_from is not None and new.rows.possible_from > received_at:
        raise FutureError("asked_at", new.rows.last_line)
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
    # Not `asdict`, which copies each value.
    return {**vars(times), "not_before": begin}


def digest_of(new: NewRequest, prints: Prints) -> bytes:
    """Keyed digest of the people that `prints` has seen, and of what was given with them: times, regulation, callbacks,
    reference."""
    times = _as_written(new.effective_at, new.not_before)
    asked = [*_as_written(new.asked_at), new.rows.digest(), new.regulation]
    # Left out where none is given, so that digests of older requests stay the same.
    law = to_json(asked) if asked != [None, None, Regulation.GDPR] else b""
    callbacks = to_json([callback.url for callback in new.callbacks]) if new.callbacks else b""
    accepted = b"accept_unreachable" if new.accept_unreachable else b""
    reference = to_json({"reference": new.reference}) if new.reference else b""
    given = prints.digest() + to_json(times) + law + callbacks + accepted + reference
    return prints.fingerprinter.print_of(b"request", given)


def _as_written(*moments: datetime | None) -> list[datetime | date | None]:
    return [as_written(moment) if moment else None for moment in moments]


ROW = {
    "public_id": "uuid",
    "kind": "kind",
    "vendor_ids": "smallint[]",
    "options": "bytea",
    "idempotency_print": "uuid",
    "submitted_by": "text",
    "regulation": "text",
    "received_at": "timestamptz",
    "asked_at": "timestamptz",
    "effective_at": "timestamptz",
    "due_at": "timestamptz",
    "not_before": "timestamptz",
}
"""The columns of `row_of` in `requests`, with their types. `data_keys` keeps its `data_key`."""
GUARDS = {"clear_key": "text", "older_prints": "uuid[]", "changes": "integer"}
"""What else it gives: idempotency keys to look for in other forms, and the state of the fingerprint keys."""


def inserting(source: str, *, more: Mapping[str, str] = MappingProxyType({})) -> str:
    """A statement that inserts the columns of `source`, a FROM with the names of ROW and GUARDS, into `requests`; not
    where the idempotency key is taken or the fingerprint keys have changed. `more`: further columns with their
    expressions."""
    ids = "OVERRIDING SYSTEM VALUE" if "id" in more else ""
    return f"""
        INSERT INTO requests ({", ".join([*ROW, *more])}) {ids}
        SELECT {", ".join([*ROW, *more.values()])} FROM {source}
        WHERE {unless_taken_in_clear("clear_key")} AND {unless_taken_by_an_older_print("older_prints")}
            AND changes = {CHANGES}
        {ON_KEY_TAKEN}
    """
