"""Deeds over a selection of requests: recorded as one, done in bounded transactions, taken up where they stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import TypeAdapter
from pydantic_core import to_json
from sqlalchemy import Connection, Row, text

from domain.outcomes import Outcome
from domain.requests import Kind
from ledger.accounts.persons import same_person_as
from ledger.desk.attention import MEANT_BY_CLOSE, MEANT_BY_RETRY, NAMED
from ledger.rounds import LATEST
from ledger.unsettled import waits

MOST_REQUESTS = 500
MOST_PEOPLE = 20_000
"""Of one transaction; a request of more people is one by itself, as when it is named."""


class Deed(StrEnum):
    """What can be done to a selection."""

    RETRY = "retry"
    CLOSE = "close"
    CANCEL = "cancel"
    CONFIRM = "confirm"


@dataclass(frozen=True)
class Criteria:
    """Which requests, and which of their deliveries; what is None does not matter."""

    vendor: str | None = None
    reason: str | None = None
    kind: Kind | None = None
    received_before: datetime | None = None
    submitted_by: str | None = None
    own: bool = False
    """Confirm also what one has submitted oneself."""

    def told(self) -> str:
        """In words, as it is kept for good."""
        before = self.received_before.isoformat() if self.received_before else None
        given = {"vendor": self.vendor, "reason": self.reason, "kind": self.kind, "received before": before}
        return ", ".join(f"{name} {value}" for name, value in given.items() if value) or "all"


@dataclass(frozen=True)
class Done:
    """What a deed has come to so far: requests and deliveries (by vendor), and what was left out."""

    requests: int = 0
    deliveries: Mapping[str, int] = field(default_factory=dict)
    own: int = 0
    """Requests that whoever confirms has submitted."""
    without_session: int = 0
    unreachable: int = 0

    def and_then(self, more: "Done") -> "Done":
        """Both together."""
        names = sorted({*self.deliveries, *more.deliveries})
        return Done(
            self.requests + more.requests,
            {name: self.deliveries.get(name, 0) + more.deliveries.get(name, 0) for name in names},
            self.own + more.own,
            self.without_session + more.without_session,
            self.unreachable + more.unreachable,
        )


class Progress(NamedTuple):
    """How a deed stands."""

    id: int
    public_id: UUID
    deed: Deed
    by: str
    criteria: Criteria
    because: str | None
    began_at: datetime
    ended_at: datetime | None
    after_request: int
    upto_request: int
    done: Done


_CRITERIA, _DONE = TypeAdapter(Criteria), TypeAdapter(Done)


def begin(connection: Connection, deed: Deed, criteria: Criteria, by: str, because: str | None) -> Progress:
    """Record a deed over the requests that there are now."""
    values = {"deed": deed, "by": by, "criteria": to_json(criteria).decode(), "because": because}
    return _standing(connection.execute(_BEGIN, values).one())


_COLUMNS = """
    id, public_id, deed, by, CAST(criteria AS text) AS criteria, because, began_at, ended_at, after_request,
    upto_request, CAST(done AS text) AS done
"""
_BEGIN = text(f"""
    INSERT INTO deeds (deed, by, criteria, because, upto_request)
    SELECT :deed, :by, CAST(:criteria AS jsonb), :because, COALESCE(max(id), 0) FROM requests
    RETURNING {_COLUMNS}
""")


def find(connection: Connection, public_id: UUID) -> Progress | None:
    """A deed; None where there is none of this id."""
    row = connection.execute(_FIND, {"public_id": public_id}).one_or_none()
    return _standing(row) if row is not None else None


_FIND = text(f"SELECT {_COLUMNS} FROM deeds WHERE public_id = :public_id")


def take_up(connection: Connection, public_id: UUID | None) -> Progress | None:
    """A deed that has not ended, locked until the caller commits; None: the oldest that nobody works at. None where it
    has ended, or there is none."""
    statement = _TAKE_UP if public_id is not None else _TAKE_UP_ANY
    row = connection.execute(statement, {"public_id": public_id}).one_or_none()
    return _standing(row) if row is not None else None


_TAKE_UP = text(f"SELECT {_COLUMNS} FROM deeds WHERE public_id = :public_id AND ended_at IS NULL FOR UPDATE")
_TAKE_UP_ANY = text(f"""
    SELECT {_COLUMNS} FROM deeds WHERE ended_at IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
""")


def save(connection: Connection, deed: Progress, after: int | None, more: Done) -> Progress:
    """Keep how far a deed has come: all requests up to `after` are seen to; None: all there are."""
    values = {"id": deed.id, "after": after, "done": to_json(deed.done.and_then(more)).decode()}
    return _standing(connection.execute(_SAVE, values).one())


_SAVE = text(f"""
    UPDATE deeds
    SET after_request = COALESCE(CAST(:after AS bigint), upto_request), done = CAST(:done AS jsonb),
        ended_at = CASE WHEN CAST(:after AS bigint) IS NULL THEN now() END
    WHERE id = :id
    RETURNING {_COLUMNS}
""")


def stop(connection: Connection, public_id: UUID) -> None:
    """Have a deed end where it stands."""
    connection.execute(_STOP, {"public_id": public_id})


_STOP = text("UPDATE deeds SET ended_at = now() WHERE public_id = :public_id AND ended_at IS NULL")


def _standing(row: Row[Any]) -> Progress:
    return Progress(
        row.id,
        row.public_id,
        Deed(row.deed),
        row.by,
        _CRITERIA.validate_json(row.criteria),
        row.because,
        row.began_at,
        row.ended_at,
        row.after_request,
        row.upto_request,
        _DONE.validate_json(row.done),
    )


class Meant(NamedTuple):
    """A request that a deed is to be done to."""

    id: int
    vendor_ids: Sequence[int]
    subjects: int
    submitted_by: str


class Batch(NamedTuple):
    """Requests that one transaction sees to, locked; `last`: there are no more after them."""

    requests: Sequence[Meant]
    last: bool


def batch(connection: Connection, deed: Progress, vendor_id: int | None) -> Batch:
    """The next requests of a deed. What has changed since it began is no longer meant."""
    where, values = _where(deed.deed, deed.criteria, vendor_id)
    statement = text(f"""
        SELECT id, vendor_ids, subjects, submitted_by FROM requests
        WHERE id > :after AND id <= :upto AND {where}
        ORDER BY id LIMIT :most FOR NO KEY UPDATE
    """)
    span = {"after": deed.after_request, "upto": deed.upto_request, "most": MOST_REQUESTS}
    found = [Meant(*row) for row in connection.execute(statement, {**values, **span})]
    taken, people = 0, 0
    for one in found:
        people += one.subjects
        if taken and people > MOST_PEOPLE:
            break
        taken += 1
    return Batch(found[:taken], last=taken == len(found) < MOST_REQUESTS)


_STATUSES: Mapping[Deed, str] = {
    Deed.RETRY: "status IN ('running', 'completed', 'completed_with_exceptions') AND data_key IS NOT NULL",
    Deed.CLOSE: "status IN ('running', 'completed', 'completed_with_exceptions')",
    Deed.CANCEL: "status IN ('unconfirmed', 'running')",
    Deed.CONFIRM: "status = 'unconfirmed'",
}
_AT_VENDOR = "(CAST(:vendor_id AS smallint) IS NULL OR outcomes.vendor_id = :vendor_id)"
_WAITING = f"""
    EXISTS (
        SELECT FROM outcomes
        WHERE outcomes.request_id = requests.id AND {_AT_VENDOR} AND {waits("outcomes")}
            AND (CAST(:reason AS text) IS NULL OR outcomes.reason = :reason) AND {LATEST})
"""
_GAVE_WAY = f"""
    EXISTS (
        SELECT FROM outcomes
        WHERE outcomes.request_id = requests.id AND {_AT_VENDOR} AND outcome = 'superseded' AND {LATEST})
"""


def _where(deed: Deed, criteria: Criteria, vendor_id: int | None) -> tuple[str, dict[str, Any]]:
    """Put together from what is asked: one statement for all cases would be planned for the worst of them."""
    values: dict[str, Any] = {}
    conditions = [_STATUSES[deed]]
    if criteria.kind is not None:
        conditions.append("kind = CAST(:kind AS kind)")
        values["kind"] = criteria.kind.value
    if criteria.received_before is not None:
        conditions.append("received_at < :received_before")
        values["received_before"] = criteria.received_before
    if criteria.submitted_by is not None:
        conditions.append("submitted_by = :submitted_by")
        values["submitted_by"] = criteria.submitted_by
    whole = deed in {Deed.CANCEL, Deed.CONFIRM}
    if whole and vendor_id is not None:
        conditions.append("CAST(:vendor_id AS smallint) = ANY(vendor_ids)")
        values["vendor_id"] = vendor_id
    if not whole or criteria.reason is not None:
        conditions.append(_GAVE_WAY if criteria.reason == Outcome.SUPERSEDED else _WAITING)
        values |= {"vendor_id": vendor_id, "reason": criteria.reason}
    return " AND ".join(conditions), values


class Extent(NamedTuple):
    """What a deed would be done to now."""

    requests: int
    deliveries: int
    own: int = 0


def extent(connection: Connection, deed: Deed, criteria: Criteria, vendor_id: int | None, by: str) -> Extent:
    """How much a deed by somebody would touch. Changes nothing, and costs what it counts."""
    where, values = _where(deed, criteria, vendor_id)
    if deed in {Deed.CANCEL, Deed.CONFIRM}:
        found = connection.execute(text(_BY_SUBMITTER.format(where=where)), values).all()
        guarded = deed is Deed.CONFIRM and not criteria.own
        own = same_person_as(connection, by, {row.submitted_by for row in found}) if guarded else frozenset()
        others = [row for row in found if row.submitted_by not in own]
        left_out = sum(row.requests for row in found if row.submitted_by in own)
        return Extent(sum(row.requests for row in others), int(sum(row.deliveries for row in others)), left_out)
    meant = MEANT_BY_RETRY if deed is Deed.RETRY else MEANT_BY_CLOSE
    if criteria.reason == Outcome.SUPERSEDED:
        meant = "outcome = 'superseded'"
    statement = text(f"""
        SELECT count(DISTINCT requests.id), count(*)
        FROM requests JOIN outcomes ON outcomes.request_id = requests.id
        WHERE {where} AND {_AT_VENDOR} AND {meant} AND {LATEST}
    """)
    return Extent(*connection.execute(statement, {**values, "named_only": NAMED}).one())


# What has no outcome yet is in no tally.
_BY_SUBMITTER = """
    SELECT submitted_by, count(*) AS requests, sum(CAST(subjects AS bigint) * cardinality(vendor_ids) - (
        SELECT COALESCE(sum(deliveries), 0) FROM tallies WHERE request_id = requests.id)) AS deliveries
    FROM requests WHERE {where} GROUP BY submitted_by
"""
