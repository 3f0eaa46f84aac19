"""Which other requests can matter to a chunk: a list where they are few, else the volumes that can hold them."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, TextClause, text

from domain.requests import Kind
from ledger.delivery.chunks import Lease, Purpose

FEW = 16
"""List at least this many, however few people are asked about."""


def kinds_that_answer(lease: Lease) -> list[str]:
    """The kinds of which a newer wish that is already done can change a leased chunk's deliveries."""
    reads_back = lease.purpose is Purpose.VERIFY
    return [kind.value for kind in Kind if kind is not lease.kind and (reads_back or _answers(lease.kind, kind))]


def _answers(this: Kind, other: Kind) -> bool:
    """Whether a newer wish of another kind that is already done can change this one."""
    return this is not Kind.ERASURE or other is Kind.OPT_IN


class Volume(NamedTuple):
    """A volume that can hold what matters, as a range of requests."""

    first_request: int
    past_request: int
    others: bool
    """It has identifiers of vendors' own."""
    left_open: bool
    """Only what is open in it can matter, where everything running there is older."""


class Near(NamedTuple):
    """What can matter to a chunk: requests, and how many people are in them; or, of too many to be listed, the volumes
    that can hold them, in order."""

    ids: Sequence[int] | None
    people: int | None
    mine_other: bool
    """The chunk's request has identifiers of vendors' own."""
    theirs_other: bool
    """One of the listed requests has."""
    volumes: Sequence[Volume] | None


def near(connection: Connection, kinds: Sequence[str], here: dict[str, Any]) -> Near:
    """What can matter to `request_id` at `vendor_id`."""
    found = Near(*connection.execute(_near(tuple(kinds), listed_at_most(here)), here).one())
    if found.volumes is None:
        return found
    return found._replace(volumes=[Volume(*volume) for volume in found.volumes])


def matters(kinds: str) -> str:
    """A condition on `other`, a request, for `this` one: it is still running, or has a newer wish of these kinds, or is
    being worked on now: a read-back, which may deliver again, or what was not stopped in time."""
    return f"""
    (:vendor_id = ANY(other.vendor_ids) AND other.not_before <= now() AND (
        other.status = 'running'
        OR CAST(other.kind AS text) = ANY({kinds}) AND other.effective_at >= this.effective_at
            AND other.status IN ('completed', 'completed_with_exceptions', 'cancelled'))
    OR EXISTS (
        SELECT FROM chunks
        WHERE chunks.request_id = other.id AND chunks.vendor_id = :vendor_id AND chunks.state = 'leased'))
    """


# Where there are too many to list: the volumes that can hold what matters, by what is open in them, and by newer wishes
# that are done where these could be listed. A volume that had ended before this wish was made holds none; the hour
# allows for requests that were being written then.
_DONE = """
    CASE WHEN newer.ids IS NULL
        THEN ended_at IS NULL OR ended_at >= this.effective_at - interval '1 hour'
        ELSE EXISTS (
            SELECT FROM unnest(newer.ids) AS one (id) WHERE one.id >= first_request AND one.id < past_request) END
"""
_VOLUMES = f"""
    SELECT first_request, past_request, EXISTS (
            SELECT FROM other_identifiers
            WHERE other_identifiers.request_id >= first_request AND other_identifiers.request_id < past_request
        ) AS others,
        ended_at IS NOT NULL AND NOT {_DONE} AS left_open
    FROM volumes CROSS JOIN newer JOIN requests AS this ON this.id = :request_id
    WHERE dropped_at IS NULL AND first_request <= (SELECT last_value FROM requests_id_seq) AND (
        EXISTS (
            SELECT FROM requests
            WHERE status = 'running' AND requests.id >= first_request AND requests.id < past_request
                AND requests.id <> :request_id)
        OR EXISTS (
            SELECT FROM chunks
            WHERE state = 'leased' AND vendor_id = :vendor_id
                AND chunks.request_id >= first_request AND chunks.request_id < past_request
                AND chunks.request_id <> :request_id)
        OR {_DONE})
"""


# The limits bound what is read, however many requests there are; where one is reached, the list is not complete. In the
# order of an index, because a planner that expects many would read the table until it has enough.
def done_and_newer(listed: str, most: int) -> str:
    """A query: newer wishes of these kinds that are done (2, id)."""
    return f"""
        SELECT 2 AS why, newer.id
        FROM requests AS this
        CROSS JOIN unnest({listed}) AS another (kind)
        CROSS JOIN LATERAL (
            SELECT id FROM requests
            WHERE status IN ('completed', 'completed_with_exceptions', 'cancelled')
                AND kind = CAST(another.kind AS kind) AND effective_at >= this.effective_at
            ORDER BY effective_at LIMIT {most:d}) AS newer
        WHERE this.id = :request_id
    """


def leased_though_ended(most: int) -> str:
    """A query: requests that have ended, and are still being worked on (3, id)."""
    return f"""
        SELECT 3 AS why, chunks.request_id AS id FROM chunks JOIN requests ON requests.id = chunks.request_id
        WHERE state = 'leased' AND vendor_id = :vendor_id AND chunks.request_id <> :request_id
            AND requests.status <> 'running'
        LIMIT {most:d}
    """


def mattering(listed: str) -> str:
    """A query: those of the requests `near` that can matter (id, subjects)."""
    return f"""
        SELECT DISTINCT other.id, other.subjects
        FROM requests AS this
        CROSS JOIN near
        CROSS JOIN LATERAL (SELECT * FROM requests WHERE requests.id = near.id OFFSET 0) AS other
        WHERE this.id = :request_id AND {matters(listed)}
    """


def array_of(kinds: Sequence[str]) -> str:
    """These kinds as part of a statement, so that PostgreSQL plans it once and keeps the plan: planning takes five
    times as long as running."""
    quoted = ", ".join(f"'{kind}'" for kind in kinds)
    return f"CAST(ARRAY[{quoted}] AS text[])"


def listed_at_most(here: Mapping[str, Any]) -> int:
    """As many requests are listed as there are `lines`, rounded up to a power of two, so that there are few different
    statements."""
    return 1 << (max(len(here["lines"]), FEW, 1) - 1).bit_length()


@cache
def _near(kinds: tuple[str, ...], most: int) -> TextClause:
    listed = array_of(kinds)
    return text(f"""
        WITH near AS MATERIALIZED (
            (SELECT 1 AS why, id FROM requests WHERE status = 'running' AND not_before <= now() AND id <> :request_id
             ORDER BY not_before LIMIT {most:d})
            UNION ALL
            ({done_and_newer(listed, most)})
            UNION ALL
            ({leased_though_ended(most)})),
        mattering AS MATERIALIZED ({mattering(listed)}),
        newer AS MATERIALIZED (
            SELECT CASE WHEN count(*) < {most:d} THEN COALESCE(array_agg(id), CAST(ARRAY[] AS bigint[])) END AS ids
            FROM near WHERE why = 2)
        SELECT CASE WHEN NOT many THEN (SELECT array_agg(id) FROM mattering) END AS ids,
            CASE WHEN NOT many THEN (SELECT sum(subjects) FROM mattering) END AS people,
            EXISTS (SELECT FROM other_identifiers WHERE request_id = :request_id) AS mine_other,
            NOT many AND EXISTS (
                SELECT FROM mattering JOIN other_identifiers ON request_id = mattering.id) AS theirs_other,
            CASE WHEN many THEN (
                SELECT COALESCE(jsonb_agg(jsonb_build_array(first_request, past_request, others, left_open)
                    ORDER BY first_request), '[]')
                FROM ({_VOLUMES}) AS volume) END AS volumes
        FROM (SELECT EXISTS (SELECT FROM near GROUP BY why HAVING count(*) >= {most:d}) AS many OFFSET 0) AS how
    """)
