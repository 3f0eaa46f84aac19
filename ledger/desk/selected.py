"""The requests of a deed over a selection: their number, and the next ones for a bounded transaction."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from domain.outcomes import HOLD_REASONS, Outcome
from ledger.accounts.persons import same_person_as
from ledger.data_keys import has_key
from ledger.desk.attention import MEANT_BY_RETRY, NAMED
from ledger.desk.closing_by_hand import MEANT_BY_CLOSE
from ledger.desk.selections import Criteria, Deed, Progress
from ledger.rounds import LATEST
from ledger.unsettled import waits

MOST_REQUESTS = 500
MOST_PEOPLE = 20_000
"""Limit of one transaction. A request with more people has its own, as when it is named."""


class Meant(NamedTuple):
    """A request of a deed."""

    id: int
    vendor_ids: Sequence[int]
    subjects: int
    submitted_by: str


class Batch(NamedTuple):
    """The requests of one transaction, locked; `last`: there are no more after them."""

    requests: Sequence[Meant]
    last: bool


def batch(connection: Connection, deed: Progress, vendor_id: int | None) -> Batch:
    """The next requests of a deed. Requests that have changed since it began are left out."""
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
    Deed.RETRY: f"status IN ('running', 'completed', 'completed_with_exceptions') AND {has_key()}",
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
_WITHHELD = """
    EXISTS (
        SELECT FROM withheld JOIN legal_holds ON legal_holds.id = hold_id
        WHERE withheld.request_id = requests.id AND legal_holds.reason = :reason
            AND (CAST(:vendor_id AS smallint) IS NULL OR withheld.vendor_id = :vendor_id))
"""


def _with_such(reason: str | None) -> str:
    """A condition on `requests`: something in it can be meant by a deed that names this reason."""
    if reason == Outcome.SUPERSEDED:
        return _GAVE_WAY
    return _WITHHELD if reason in set(HOLD_REASONS) else _WAITING


def _where(deed: Deed, criteria: Criteria, vendor_id: int | None) -> tuple[str, dict[str, Any]]:
    """Composed of what is asked: one statement for all cases would get the plan of the worst of them."""
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
        conditions.append(_with_such(criteria.reason))
        values |= {"vendor_id": vendor_id, "reason": criteria.reason}
    return " AND ".join(conditions), values


class Extent(NamedTuple):
    """What a deed would be done to now."""

    requests: int
    deliveries: int
    own: int = 0


def extent(connection: Connection, deed: Deed, criteria: Criteria, vendor_id: int | None, by: str) -> Extent:
    """The extent of a deed by this account. Changes nothing, and costs what it counts."""
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


# Deliveries without an outcome are in no tally.
_BY_SUBMITTER = """
    SELECT submitted_by, count(*) AS requests, sum(CAST(subjects AS bigint) * cardinality(vendor_ids) - (
        SELECT COALESCE(sum(deliveries), 0) FROM tallies WHERE request_id = requests.id)) AS deliveries
    FROM requests WHERE {where} GROUP BY submitted_by
"""
