"""The suppression list: fingerprints of erased people, in their requests while those are kept, and in a table of its
own from when they are forgotten."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, TextClause, text

from domain.blocks import in_blocks
from domain.outcomes import Outcome
from domain.past_erasures import MOST_LINES, ErasedBefore
from domain.requests import Kind
from domain.suppression import Identifiers, PastWish, erasures_that_count
from ledger.data_keys import has_key
from ledger.key_numbers import key_of

PEOPLE = 1_000
"""People asked about in one statement."""
MOST_WISHES = 64
"""Of somebody with more erasures or opt-ins under one identifier, the newest are compared."""
_OWN = ("user_id", "email", "phone_number")
_COLUMNS = dict(zip(_OWN, ("user_print", "email_print", "phone_print"), strict=True))


def erasures_of(
    connection: Connection, people: Sequence[Identifiers], days: float | None = None
) -> list[PastWish | None]:
    """For each of at most `PEOPLE` people, in order, the erasure by which they are on the list; None: they are not.
    `days`: how long an erasure counts; None: for ever."""
    asked = frozenset().union(*people)
    if not asked:
        return [None] * len(people)
    found = _past_wishes(connection, asked, [Kind.ERASURE, Kind.OPT_IN], days)
    erased = frozenset().union(*(wish.identifiers for wish in found if wish.kind is Kind.ERASURE))
    if further := erased - asked:
        found |= _past_wishes(connection, further, [Kind.OPT_IN], days)
    return erasures_that_count(people, found) if erased else [None] * len(people)


def erased_among(
    connection: Connection, people: Iterable[tuple[int, Identifiers]], days: float | None
) -> ErasedBefore | None:
    """Who of these people (line, identifiers) is on the list; None where nobody is."""
    lines: list[int] = []
    count = 0
    for some in in_blocks(people, PEOPLE):
        erasures = erasures_of(connection, [identifiers for _, identifiers in some], days)
        erased = [line for (line, _), erasure in zip(some, erasures, strict=True) if erasure]
        count += len(erased)
        lines += erased[: MOST_LINES - len(lines)]
    return ErasedBefore(count, tuple(lines)) if count else None


def erased_in(connection: Connection, request_id: int, days: float | None) -> ErasedBefore | None:
    """Who of a request, by line, is on the list. For one that is just written, before its caller commits."""
    return erased_among(connection, _people_of(connection, request_id), days)


def _people_of(connection: Connection, request_id: int) -> Iterable[tuple[int, Identifiers]]:
    after = 0
    while rows := connection.execute(_PEOPLE, {"id": request_id, "after": after, "most": PEOPLE}).all():
        people: dict[int, set[tuple[str, bytes]]] = defaultdict(set)
        for row in rows:
            people[row.line].update([(row.field, row.print.bytes)] if row.print else [])
        yield from ((line, frozenset(those)) for line, those in people.items())
        after = rows[-1].line


def _past_wishes(
    connection: Connection, identifiers: Identifiers, kinds: Sequence[Kind], days: float | None
) -> set[PastWish]:
    fields, prints = zip(*identifiers, strict=True)
    values = {
        "fields": list(fields),
        "prints": [a_print.hex() for a_print in prints],
        "kinds": list(kinds),
        "days": days,
        "most": MOST_WISHES,
    }
    rows: dict[tuple[int, int], list[Any]] = defaultdict(list)
    for statement in (_LIVE, _KEPT):
        for row in connection.execute(statement, values):
            rows[row.request_id, row.line].append(row)
    return {
        PastWish(
            Kind(those[0].kind),
            those[0].at,
            frozenset((row.field, row.print.bytes) for row in those),
            _first_id(those),
        )
        for those in rows.values()
    }


def _first_id(rows: Sequence[Any]) -> UUID | None:
    return next((row.public_id for row in rows if row.public_id), None)


def _known(of: str) -> str:
    """The fingerprints of one row of the table or query `of` (request_id, line); `key`: the number of an older key, by
    which it is found besides."""
    own = ", ".join(f"('{name}', {column})" for name, column in _COLUMNS.items())
    return f"""(
        SELECT own.field, own.print, CAST(NULL AS smallint) AS key
        FROM (SELECT * FROM subjects
              WHERE subjects.request_id = {of}.request_id AND subjects.line = {of}.line OFFSET 0) AS one
        CROSS JOIN LATERAL (VALUES {own}) AS own (field, print)
        WHERE own.print IS NOT NULL
        UNION ALL
        SELECT also.kind, also.print, also.key
        FROM (SELECT * FROM other_identifiers
              WHERE other_identifiers.request_id = {of}.request_id AND other_identifiers.line = {of}.line OFFSET 0)
            AS also)"""


_YES = ", ".join(f"'{outcome}'" for outcome in (Outcome.ACCEPTED, Outcome.VERIFIED, Outcome.ABSENT))


def _counts(of: str) -> str:
    """Whether the wish of a row of `of` counts: an erasure unless it was cancelled before any vendor did it, an opt-in
    from when a vendor accepted it. Nobody is subscribed where the vendor knows nobody (`absent`)."""

    def said(outcomes: str) -> str:
        return f"""EXISTS (
            SELECT FROM unnest(requests.vendor_ids) AS there (vendor_id)
            CROSS JOIN LATERAL (
                SELECT FROM outcomes
                WHERE outcomes.request_id = {of}.request_id AND outcomes.vendor_id = there.vendor_id
                    AND outcomes.line = {of}.line AND CAST(outcome AS text) IN ({outcomes}) OFFSET 0) AS yes)"""

    return f"""CASE CAST(requests.kind AS text)
        WHEN 'erasure' THEN CAST(requests.status AS text) NOT IN ('loading', 'unconfirmed')
            AND (CAST(requests.status AS text) <> 'cancelled' OR {said(_YES)})
        WHEN 'opt_in' THEN {said("'accepted', 'verified'")}
        ELSE false END"""


_IN_TIME = """(CAST(:days AS double precision) IS NULL
    OR {at} > now() - CAST(:days AS double precision) * interval '1 day')"""
# OFFSET 0: looked up one by one, never joined with all requests that there are.
_REQUEST = "(SELECT * FROM requests WHERE requests.id = {of}.request_id OFFSET 0) AS requests"


def _places(table: str, column: str, asked: str) -> str:
    return f"""
        SELECT found.request_id, found.line FROM (SELECT print FROM asked WHERE {asked}) AS wanted
        CROSS JOIN LATERAL (
            SELECT request_id, line FROM {table}
            CROSS JOIN LATERAL {_REQUEST.format(of=table)}
            WHERE {table}.{column} = wanted.print AND CAST(requests.kind AS text) = ANY(CAST(:kinds AS text[]))
            ORDER BY request_id DESC LIMIT :most) AS found"""


_LIVE = text(f"""
    WITH asked AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:fields AS text[]), CAST(:prints AS uuid[])) AS asked (field, print)),
    place AS MATERIALIZED (
        {" UNION ".join(_places("subjects", column, f"field = '{name}'") for name, column in _COLUMNS.items())}
        UNION {_places("other_identifiers", "print", "true")})
    SELECT place.request_id, place.line, CAST(requests.kind AS text), requests.effective_at AS at,
        CASE WHEN {has_key()} THEN requests.public_id END AS public_id, known.field, known.print
    FROM place CROSS JOIN LATERAL {_REQUEST.format(of="place")} CROSS JOIN LATERAL {_known("place")} AS known
    WHERE {_IN_TIME.format(at="requests.effective_at")} AND {_counts("place")}
""")
_KEPT = text(f"""
    WITH place AS MATERIALIZED (
        SELECT DISTINCT request_id, line FROM suppression
        WHERE print = ANY(CAST(:prints AS uuid[])) AND CAST(kind AS text) = ANY(CAST(:kinds AS text[]))
            AND {_IN_TIME.format(at="at")})
    SELECT kept.request_id, kept.line, CAST(kept.kind AS text), kept.at, CAST(NULL AS uuid) AS public_id, kept.field,
        kept.print
    FROM place CROSS JOIN LATERAL (
        SELECT * FROM suppression
        WHERE suppression.request_id = place.request_id AND suppression.line = place.line OFFSET 0) AS kept
""")
_PEOPLE = text(f"""
    WITH place AS MATERIALIZED (
        SELECT request_id, line FROM subjects WHERE request_id = :id AND line > :after ORDER BY line LIMIT :most)
    SELECT place.line, known.field, known.print
    FROM place LEFT JOIN LATERAL {_known("place")} AS known ON true
    ORDER BY place.line
""")


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
        SELECT FROM {table} CROSS JOIN LATERAL {_REQUEST.format(of=table)}
        WHERE {table}.{column} = known.print AND CAST(requests.kind AS text) = 'erasure')"""


_ERASED = " OR ".join(
    [
        "EXISTS (SELECT FROM suppression WHERE suppression.print = known.print AND kind = 'erasure')",
        *(_erased_as("subjects", column) for column in _COLUMNS.values()),
        _erased_as("other_identifiers", "print"),
    ]
)


def _keep(places: str) -> TextClause:
    return text(f"""
    WITH known AS MATERIALIZED (
        SELECT place.request_id, place.line, requests.kind, requests.effective_at AS at, known.field, known.print,
            COALESCE(known.key, {key_of("place")}) AS key
        FROM {places} AS place (request_id, line)
        CROSS JOIN LATERAL {_REQUEST.format(of="place")}
        CROSS JOIN LATERAL {_known("place")} AS known
        WHERE CAST(requests.kind AS text) IN ('erasure', 'opt_in') AND {_counts("place")}),
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


def next_line(connection: Connection, after: tuple[int, int], past_request: int, step: int) -> tuple[int, int] | None:
    """The last of the next `step` lines (request, line) before `past_request`; None where there are none."""
    values = {"request": after[0], "after": after[1], "past": past_request, "step": step}
    row = connection.execute(_NEXT, values).one_or_none()
    return (row.request_id, row.line) if row else None


_NEXT = text("""
    SELECT request_id, line
    FROM (SELECT request_id, line FROM subjects
          WHERE (request_id, line) > (:request, :after) AND request_id >= :request AND request_id < :past
          ORDER BY request_id, line LIMIT :step) AS next
    ORDER BY request_id DESC, line DESC LIMIT 1
""")


def drop_old(connection: Connection, days: float, most: int) -> int:
    """Delete fingerprints that have been kept for long enough, at most so many; returns how many."""
    return connection.execute(_DROP_OLD, {"days": days, "most": most}).rowcount


_DROP_OLD = text("""
    DELETE FROM suppression WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM suppression WHERE at < now() - CAST(:days AS double precision) * interval '1 day'
        ORDER BY at LIMIT :most))
""")
