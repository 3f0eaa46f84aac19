"""Counts the requests received in a period: what became of them, how long they took, and what is at risk."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, text

from domain.outcomes import DONE, Outcome
from ledger.data_keys import has_key
from ledger.desk.status import PENDING
from ledger.rounds import LATEST
from ledger.unsettled import NEEDS_ATTENTION, waits

LONGEST_DAYS = 366


class PeriodError(Exception):
    """A report cannot be made of this period. The message says why."""


class Period(NamedTuple):
    """From the beginning of one day to the end of another, in UTC."""

    first: date
    last: date

    def checked(self) -> "Period":
        """The same. Raises PeriodError where it ends before it begins, or is longer than a year."""
        if self.last < self.first:
            raise PeriodError("the last day is before the first one")
        if (self.last - self.first).days >= LONGEST_DAYS:
            raise PeriodError(f"it is longer than {LONGEST_DAYS} days: make several reports")
        return self

    def bounds(self) -> Mapping[str, datetime]:
        """Its beginning, and the moment right after it."""
        begin = datetime.combine(self.first, time(), UTC)
        return {"begin": begin, "past": datetime.combine(self.last, time(), UTC) + timedelta(days=1)}


class Requests(NamedTuple):
    """Requests of one sort. Those closed are `done`, `in_part` or `not_done`; `refused` are those of them in which a
    recipient refused somebody, and `withheld` those in which a legal hold keeps somebody's data; days count from when
    the controller was asked to the request's close."""

    received: int
    people: int
    done: int
    in_part: int
    not_done: int
    refused: int
    withheld: int
    withdrawn: int
    open: int
    at_risk: int
    """Due soon or overdue, and something is pending or needs a person."""
    mean_days: float | None
    median_days: float | None


class Exceptions(NamedTuple):
    """Deliveries that ended as an exception at a vendor for one reason, and in how many requests."""

    vendor: str
    outcome: str
    reason: str | None
    deliveries: int
    requests: int


class Figures(NamedTuple):
    """A whole report. `vendors`: name to outcome (or `pending`) to number of deliveries."""

    period: Period
    as_of: datetime
    all: Requests
    kinds: dict[str, Requests]
    regulations: dict[str, Requests]
    vendors: dict[str, dict[str, int]]
    exceptions: list[Exceptions]


def figures_of(connection: Connection, period: Period, due_soon_days: float) -> Figures:
    """The report on the requests received in a period, at the cost of these requests and their exceptions. Raises
    PeriodError."""
    values = {**period.checked().bounds(), "days": due_soon_days}
    as_of = connection.execute(text("SELECT now()")).scalar_one()
    by_group = {(kind, law): Requests(*counts) for kind, law, *counts in connection.execute(_REQUESTS, values)}
    whole = by_group.pop((None, None))  # of no request too
    kinds = {kind: its for (kind, _), its in by_group.items() if kind is not None}
    regulations = {law: its for (_, law), its in by_group.items() if law is not None}
    vendors: dict[str, dict[str, int]] = {}
    for vendor, outcome, deliveries in connection.execute(_VENDORS, values):
        vendors.setdefault(vendor, {})[outcome] = int(deliveries)
    exceptions = [Exceptions(*row) for row in connection.execute(_EXCEPTIONS, values)]
    return Figures(period, as_of, whole, kinds, regulations, vendors, exceptions)


_RECEIVED = f"""
    received AS MATERIALIZED (
        SELECT id, kind, regulation, status, subjects, vendor_ids, asked_at, closed_at, due_at,
            {has_key()} AS readable
        FROM requests
        WHERE received_at >= :begin AND received_at < :past AND status <> 'loading'),
    span AS MATERIALIZED (SELECT min(id) AS first, max(id) AS last FROM received)
"""


def _near(table: str) -> str:
    """A condition that bounds what is read of a table: requests that were received together have ids that are near."""
    return f"{table}.request_id BETWEEN (SELECT first FROM span) AND (SELECT last FROM span)"


_DONE = ", ".join(f"'{outcome}'" for outcome in Outcome if outcome in DONE)
_REQUESTS = text(f"""
    WITH {_RECEIVED},
    counted AS (
        SELECT tallies.request_id, sum(deliveries) AS settled,
            COALESCE(sum(deliveries) FILTER (WHERE outcome IN ({_DONE})), 0) AS done,
            COALESCE(sum(deliveries) FILTER (WHERE outcome = 'refused'), 0) AS refused,
            COALESCE(sum(deliveries) FILTER (WHERE outcome = 'withheld'), 0) AS withheld,
            COALESCE(sum(deliveries) FILTER (WHERE {waits("tallies")}), 0) AS waiting
        FROM tallies JOIN received ON received.id = tallies.request_id
        WHERE {_near("tallies")}
        GROUP BY tallies.request_id),
    told AS (
        SELECT CAST(kind AS text) AS kind, CAST(regulation AS text) AS regulation, subjects, status,
            status IN ('completed', 'completed_with_exceptions') AS closed,
            COALESCE(done, 0) AS done, COALESCE(refused, 0) AS refused,
            COALESCE(withheld, 0) AS withheld,
            CAST(extract(epoch FROM closed_at - asked_at) AS double precision) / 86400 AS days,
            due_at < now() + :days * interval '1 day' AND status <> 'cancelled' AND readable
                AND (COALESCE(waiting, 0) > 0
                    OR CAST(subjects AS bigint) * cardinality(vendor_ids) > COALESCE(settled, 0)) AS at_risk
        FROM received LEFT JOIN counted ON counted.request_id = received.id)
    SELECT kind, regulation, count(*), COALESCE(sum(subjects), 0),
        count(*) FILTER (WHERE status = 'completed'),
        count(*) FILTER (WHERE status = 'completed_with_exceptions' AND done > 0),
        count(*) FILTER (WHERE status = 'completed_with_exceptions' AND done = 0),
        count(*) FILTER (WHERE closed AND refused > 0),
        count(*) FILTER (WHERE closed AND withheld > 0),
        count(*) FILTER (WHERE status = 'cancelled'),
        count(*) FILTER (WHERE status IN ('unconfirmed', 'running')),
        count(*) FILTER (WHERE at_risk),
        avg(days) FILTER (WHERE closed),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY days) FILTER (WHERE closed)
    FROM told
    GROUP BY GROUPING SETS ((), (kind), (regulation))
    ORDER BY kind, regulation
""")
_VENDORS = text(f"""
    WITH {_RECEIVED},
    settled AS (
        SELECT vendor_id, CAST(outcome AS text) AS outcome, sum(deliveries) AS deliveries
        FROM tallies JOIN received ON received.id = tallies.request_id
        WHERE deliveries > 0 AND {_near("tallies")}
        GROUP BY vendor_id, outcome),
    meant AS (
        SELECT vendor_id, sum(subjects) AS deliveries
        FROM received CROSS JOIN LATERAL unnest(vendor_ids) AS each (vendor_id)
        GROUP BY vendor_id),
    pending AS (
        SELECT vendor_id, '{PENDING}' AS outcome, meant.deliveries - COALESCE(
            (SELECT sum(deliveries) FROM settled WHERE settled.vendor_id = meant.vendor_id), 0) AS deliveries
        FROM meant)
    SELECT vendors.name, outcome, deliveries
    FROM (SELECT * FROM pending UNION ALL SELECT * FROM settled) AS each JOIN vendors ON vendors.id = vendor_id
    ORDER BY vendors.name, outcome <> '{PENDING}', outcome
""")
# Outcomes that need attention have an index of their own, and what is withheld a table; nobody else's are read.
_EXCEPTIONS = text(f"""
    WITH {_RECEIVED}
    SELECT vendors.name, CAST(outcome AS text), reason, count(*), count(DISTINCT outcomes.request_id)
    FROM received
    JOIN outcomes ON outcomes.request_id = received.id
    JOIN vendors ON vendors.id = outcomes.vendor_id
    WHERE {NEEDS_ATTENTION} AND {_near("outcomes")} AND {LATEST} AND received.status <> 'cancelled'
        AND EXISTS (
            SELECT FROM tallies
            WHERE tallies.request_id = received.id AND tallies.vendor_id = outcomes.vendor_id
                AND tallies.outcome = outcomes.outcome AND tallies.deliveries > 0)
    GROUP BY vendors.name, outcome, reason
    UNION ALL
    SELECT vendors.name, 'withheld', legal_holds.reason, count(*), count(DISTINCT withheld.request_id)
    FROM received
    JOIN withheld ON withheld.request_id = received.id
    JOIN legal_holds ON legal_holds.id = hold_id
    JOIN vendors ON vendors.id = withheld.vendor_id
    WHERE received.status <> 'cancelled'
    GROUP BY vendors.name, legal_holds.reason
    ORDER BY 1, 2, 3 NULLS FIRST
""")
