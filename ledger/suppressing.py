"""Puts people who are about to be forgotten on the suppression list, and drops what was on it for long enough."""

from collections.abc import Sequence

from sqlalchemy import Connection, TextClause, text

from ledger.key_numbers import key_of
from ledger.past_wishes import COLUMNS, REQUEST, counts, known


def keep(connection: Connection, first: tuple[int, int], last: tuple[int, int]) -> None:
    """Put on the list who is about to be forgotten on these lines (request, line), the first excluded: everybody who
    was erased, and everybody whom an accepted opt-in takes off it again."""
    values = {"request": first[0], "after": first[1], "last_request": last[0], "last": last[1]}
    connection.execute(_KEEP, values)


def keep_lines(connection: Connection, requests: Sequence[int], lines: Sequence[int]) -> None:
    """The same for these lines, each with its request."""
    connection.execute(_KEEP_LINES, {"requests": list(requests), "lines": list(lines)})


def _erased_as(table: str, column: str) -> str:
    return f"""EXISTS (
        SELECT FROM {table} CROSS JOIN LATERAL {REQUEST.format(of=table)}
        WHERE {table}.{column} = known.print AND CAST(requests.kind AS text) = 'erasure')"""


_ERASED = " OR ".join(
    [
        "EXISTS (SELECT FROM suppression WHERE suppression.print = known.print AND kind = 'erasure')",
        *(_erased_as("subjects", column) for column in COLUMNS.values()),
        _erased_as("other_identifiers", "print"),
    ]
)


def _keep(places: str) -> TextClause:
    return text(f"""
    WITH known AS MATERIALIZED (
        SELECT place.request_id, place.line, requests.kind, requests.effective_at AS at, known.field, known.print,
            COALESCE(known.key, {key_of("place")}) AS key
        FROM {places} AS place (request_id, line)
        CROSS JOIN LATERAL {REQUEST.format(of="place")}
        CROSS JOIN LATERAL {known("place")} AS known
        WHERE CAST(requests.kind AS text) IN ('erasure', 'opt_in') AND {counts("place")}),
    opted_in AS MATERIALIZED (
        SELECT DISTINCT request_id, line FROM known WHERE kind = 'opt_in' AND ({_ERASED}))
    INSERT INTO suppression (print, field, request_id, line, kind, at, key, newest_key)
    SELECT print, field, request_id, line, kind, at, key, max(key) OVER (PARTITION BY request_id, line) FROM known
    WHERE kind = 'erasure' OR (request_id, line) IN (SELECT request_id, line FROM opted_in)
    ON CONFLICT DO NOTHING
""")


_KEEP = _keep("""
    (SELECT request_id, line FROM subjects
     WHERE (request_id, line) > (:request, :after) AND (request_id, line) <= (:last_request, :last)
         AND request_id >= :request AND request_id <= :last_request)
""")
_KEEP_LINES = _keep("unnest(CAST(:requests AS bigint[]), CAST(:lines AS integer[]))")


def drop_old(connection: Connection, days: float, most: int) -> int:
    """Delete fingerprints that have been kept for long enough, at most so many; returns how many."""
    return connection.execute(_DROP_OLD, {"days": days, "most": most}).rowcount


_DROP_OLD = text("""
    DELETE FROM suppression WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM suppression WHERE at < now() - CAST(:days AS double precision) * interval '1 day'
        ORDER BY at LIMIT :most))
""")
