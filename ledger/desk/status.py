"""The status of a request, and of the vendors that it waits for. Without SQLAlchemy: `consent status` is called by
scripts, again and again, and half of its time would be loading it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from domain.outcomes import ATTENTION, Outcome
from ledger.asked import Ask
from ledger.data_keys import has_key
from ledger.held import FAILING, SERVED, at_steps, why_held
from ledger.unsettled import ACCEPT

PENDING = "pending"


class Status(NamedTuple):
    """The status of a request. `vendors`: name to outcome (or `pending`) to number of deliveries."""

    request_id: UUID
    kind: str
    status: str
    subjects: int
    duplicates: int
    regulation: str
    received_at: datetime
    asked_at: datetime
    effective_at: datetime
    not_before: datetime
    due_at: datetime
    due_reason: str | None
    submitted_by: str
    confirmed_by: str | None
    now: datetime
    """The time of this status, by PostgreSQL's clock."""
    vendors: dict[str, dict[str, int]]
    dropped: bool = False
    """Past its retention: its people and deliveries are deleted, and these numbers remain."""
    accepted_by: Mapping[str, str] = MappingProxyType({})
    """By vendor, who has accepted that people cannot be found there."""
    found_by: Mapping[str, Sequence[str]] = MappingProxyType({})
    """By recipient without an API, the fields by which a person is found there."""
    to_resolve: bool = False
    """Nothing of it is sent yet: the controller's directory must be asked about its people first."""
    closed_at: datetime | None = None
    resolved: Mapping[str, int] = MappingProxyType({})
    """The directory's answers, by `domain.directory.Finding`; empty where it was not asked."""
    not_found: Mapping[str, int] = MappingProxyType({})
    """By vendor, how many of its people cannot be found there with the identifiers given, whether it was tried or
    not."""
    forgotten: bool = False
    """Its people can no longer be read or found."""
    forgotten_at: datetime | None = None
    """None also where an earlier version did it."""
    forget_at: datetime | None = None
    """From when on its people are forgotten, those excepted who still wait then; None: not known yet, or never."""
    has_reference: bool = False
    """Its submitter calls it something: `ledger.requests.references` opens it."""

    @property
    def pending_at(self) -> list[str]:
        """The vendors with deliveries that are pending."""
        return [vendor for vendor, counts in self.vendors.items() if counts.get(PENDING)]

    @property
    def unreachable(self) -> dict[str, int]:
        """By vendor, how many deliveries ended as unreachable."""
        found = {vendor: counts.get(Outcome.UNREACHABLE, 0) for vendor, counts in self.vendors.items()}
        return {vendor: count for vendor, count in found.items() if count}

    @property
    def unaccepted(self) -> bool:
        """Whether somebody was unreachable, and nobody has accepted it."""
        return any(vendor not in self.accepted_by for vendor in self.unreachable)

    def attention(self, vendor: str) -> int:
        """How many deliveries to a vendor need attention."""
        waiting = ATTENTION - ({Outcome.UNREACHABLE} if vendor in self.accepted_by else set())
        return sum(self.vendors[vendor].get(outcome, 0) for outcome in waiting)

    def at_risk(self, days: float) -> bool:
        """Whether it is due in fewer days than this, or overdue, and something is pending or needs attention."""
        if self.dropped or self.status == "cancelled" or self.due_at - self.now >= timedelta(days=days):
            return False
        return any(counts[PENDING] or self.attention(vendor) for vendor, counts in self.vendors.items())


def read_status(ask: Ask, public_id: UUID) -> Status | None:
    """The status of a request now, at the same cost for ten people and for a million; None where there is none."""
    found = ask(_REQUEST, {"public_id": public_id})
    if not found:
        return None
    row = found[0]
    vendors: dict[str, dict[str, int]] = {}
    found_by: dict[str, Sequence[str]] = {}
    for vendor, outcome, deliveries, fields in ask(_TALLIES, {"id": row.id}):
        if fields:
            found_by[vendor] = fields
        counts = vendors.setdefault(vendor, {PENDING: row.subjects})
        if outcome is not None:
            counts[outcome] = deliveries
            counts[PENDING] -= deliveries
    return Status(
        request_id=row.public_id,
        kind=row.kind,
        status=row.status,
        subjects=row.subjects,
        duplicates=row.duplicates,
        regulation=row.regulation,
        received_at=row.received_at,
        asked_at=row.asked_at,
        effective_at=row.effective_at,
        not_before=row.not_before,
        due_at=row.due_at,
        due_reason=row.due_reason,
        submitted_by=row.submitted_by,
        confirmed_by=row.confirmed_by,
        now=row.now,
        vendors=vendors,
        found_by=found_by,
        dropped=row.dropped,
        closed_at=row.closed_at,
        not_found=row.unreachable or {},
        to_resolve=row.to_resolve,
        resolved=row.resolved or {},
        forgotten=row.forgotten,
        forgotten_at=row.forgotten_at,
        forget_at=row.forget_at,
        has_reference=row.has_reference,
        accepted_by=_accepted_by(ask, row.id) if any(_UNREACHABLE in its for its in vendors.values()) else {},
    )


_UNREACHABLE = Outcome.UNREACHABLE.value


def _accepted_by(ask: Ask, request_id: int) -> dict[str, str]:
    return {row.name: row.by for row in ask(_ACCEPTED_BY, {"id": request_id})}


_ACCEPTED_BY = f"""
    SELECT DISTINCT ON (vendors.name) vendors.name, notes.by
    FROM requests
    JOIN vendors ON vendors.id = ANY(requests.vendor_ids)
    JOIN notes ON notes.request_id = requests.id AND deed = '{ACCEPT}'
        AND (notes.vendor_id IS NULL OR notes.vendor_id = vendors.id)
    WHERE requests.id = :id
    ORDER BY vendors.name, notes.id
"""
_REQUEST = f"""
    SELECT id, public_id, kind, status, subjects, duplicates, regulation, received_at, asked_at, effective_at,
        not_before, due_at, due_reason, submitted_by, confirmed_by, unreachable, resolved, closed_at,
        NOT {has_key()} AS forgotten, forgotten_at,
        (SELECT forget_from + days * interval '1 day' FROM retention_periods
         WHERE name = CAST(requests.kind AS text) AND NOT as_before) AS forget_at,
        EXISTS (SELECT FROM request_references WHERE request_id = requests.id) AS has_reference,
        now() AS now, to_resolve_from IS NOT NULL AND status IN ('unconfirmed', 'running') AS to_resolve,
        EXISTS (SELECT FROM volumes
                WHERE dropped_at IS NOT NULL AND requests.id >= first_request AND requests.id < past_request) AS dropped
    FROM requests WHERE public_id = :public_id
"""
_TALLIES = """
    SELECT vendors.name, tallies.outcome, tallies.deliveries, vendors.by_hand -> 'found_by' AS found_by
    FROM requests
    JOIN vendors ON vendors.id = ANY(requests.vendor_ids)
    LEFT JOIN tallies ON tallies.request_id = requests.id AND tallies.vendor_id = vendors.id AND deliveries > 0
    WHERE requests.id = :id
    ORDER BY vendors.name, tallies.outcome
"""


class WaitedFor(NamedTuple):
    """A vendor with deliveries that are pending."""

    name: str
    served: bool
    """Whether a process, or a person, has lately looked for its deliveries."""
    why_held: str
    """"" where it is not held."""
    failing: str = ""
    """Why its last answers failed everybody, where it is not held yet."""


def waited_for(ask: Ask, vendors: Collection[str]) -> list[WaitedFor]:
    """These vendors, by name, and whether anything keeps their deliveries."""
    found = ask(_WAITED_FOR, {"names": list(vendors)}) if vendors else ()
    return [_waiting_for(row) for row in found]


def _waiting_for(row: Any) -> WaitedFor:
    held = why_held(row.held_reason, row.steps)
    return WaitedFor(row.name, row.served, held, "" if held else at_steps(row.failing))


_WAITED_FOR = f"""
    SELECT name, {SERVED} AS served, held_reason, ARRAY(
        SELECT ARRAY[steps.held_reason, step] FROM steps
        WHERE vendor_id = vendors.id AND steps.held_at IS NOT NULL ORDER BY step) AS steps, ARRAY(
        SELECT ARRAY[struck_reason, step] FROM steps
        WHERE vendor_id = vendors.id AND {FAILING} AND struck_reason IS NOT NULL ORDER BY step) AS failing
    FROM vendors WHERE name = ANY(:names) ORDER BY name
"""
