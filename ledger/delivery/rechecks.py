"""Whether people stay erased: a sample of those who were `verified` at a vendor is read back again."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from domain.requests import Kind
from ledger.data_keys import has_key, readable
from ledger.delivery.chunks import Lease


def open_sample(connection: Connection, vendor: str, kinds: Sequence[Kind], most: int) -> int:
    """Open read-backs of about `most` people who were verified at a vendor and can still be read, from requests of
    these kinds that have closed; of everybody where there are not more. Returns how many. None while some of the last
    sample are open."""
    values = {"vendor": vendor, "kinds": [kind.value for kind in kinds], "most": most}
    return connection.execute(_OPEN_SAMPLE, values).rowcount


def _verified(lines: str) -> str:
    """A query: the first people of `wanted` on these lines who are verified, and can be read."""
    return f"""
        SELECT line, round FROM outcomes
        WHERE outcomes.request_id = wanted.request_id AND outcomes.vendor_id = wanted.vendor_id AND {lines}
            AND outcome = 'verified' AND NOT EXISTS (
                SELECT FROM outcomes AS later
                WHERE later.request_id = wanted.request_id AND later.vendor_id = wanted.vendor_id
                    AND later.line = outcomes.line AND later.round > outcomes.round OFFSET 0)
            AND {readable("outcomes", "subjects.request_id = wanted.request_id")}
        ORDER BY line LIMIT wanted.people"""


# Of each request in proportion to its people, from a random line on and then from the first. In two queries, each in
# the order of an index, and later rounds looked up one by one (OFFSET 0): so no request is read whole for a few.
_OPEN_SAMPLE = text(f"""
    WITH at AS MATERIALIZED (
        SELECT id FROM vendors
        WHERE name = :vendor AND enabled AND retired_at IS NULL
            AND NOT EXISTS (SELECT FROM chunks WHERE vendor_id = vendors.id AND sampled AND state <> 'closed')),
    verified AS MATERIALIZED (
        SELECT request_id, vendor_id, deliveries, sum(deliveries) OVER () AS all_of_them,
            1 + CAST(floor(random() * (subjects + duplicates)) AS integer) AS begin
        FROM tallies JOIN at ON at.id = vendor_id JOIN requests ON requests.id = request_id
        WHERE outcome = 'verified' AND deliveries > 0 AND {has_key()}
            AND CAST(requests.kind AS text) = ANY(CAST(:kinds AS text[]))
            AND CAST(requests.status AS text) IN ('completed', 'completed_with_exceptions')),
    wanted AS MATERIALIZED (
        SELECT request_id, vendor_id, begin, CASE WHEN all_of_them <= :most THEN deliveries
            ELSE LEAST(deliveries, CAST(floor(deliveries * :most / all_of_them + random()) AS bigint)) END AS people
        FROM verified)
    INSERT INTO chunks (request_id, vendor_id, first_line, last_line, round, purpose, sampled)
    SELECT request_id, vendor_id, line, line, round + 1, 'verify', true
    FROM wanted CROSS JOIN LATERAL (
        ({_verified("line >= begin")}) UNION ALL ({_verified("line < begin")})
        LIMIT wanted.people) AS one
    WHERE people > 0
""")


def count(connection: Connection, lease: Lease, *, people: int, back: int) -> None:
    """Count who was read back in a run of a sample, and who had come back; that also goes into the log."""
    values = {"vendor_id": lease.vendor_id, "chunk_id": lease.chunk_id, "people": people, "back": back}
    connection.execute(_BEGIN, values)
    connection.execute(_COUNT, values)
    if back:
        connection.execute(_FOUND_SOMEBODY, values)


_BEGIN = text("INSERT INTO rechecks (vendor_id) VALUES (:vendor_id) ON CONFLICT DO NOTHING")
_COUNT = text("UPDATE rechecks SET people = people + :people, back = back + :back WHERE vendor_id = :vendor_id")
_FOUND_SOMEBODY = text("UPDATE chunks SET sampled = false WHERE id = :chunk_id")


class Count(NamedTuple):
    """How many people have been read back again at a vendor, and how many of them had come back."""

    people: int
    back: int


def counts(connection: Connection) -> dict[str, Count]:
    """By vendor, in all."""
    return {row.name: Count(row.people, row.back) for row in connection.execute(_COUNTS)}


_COUNTS = text("SELECT name, people, back FROM rechecks JOIN vendors ON vendors.id = vendor_id ORDER BY name")
