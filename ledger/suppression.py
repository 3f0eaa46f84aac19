"""Who is on the suppression list: fingerprints of erased people, in their requests while those are kept, and in a table
of its own (`ledger.suppressing`) from when they are forgotten."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection, text

from domain.blocks import in_blocks
from domain.past_erasures import ErasedBefore
from domain.requests import Kind
from domain.suppression import Identifiers, PastWish, erasures_that_count
from ledger.data_keys import has_key
from ledger.past_wishes import COLUMNS, REQUEST, counts, known

Place = TypeVar("Place")

PEOPLE = 1_000
"""People asked about in one statement."""
MOST_WISHES = 64
"""Of somebody with more erasures or opt-ins under one identifier, the newest are compared."""


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


def erased_in(connection: Connection, request_id: int, days: float | None) -> ErasedBefore | None:
    """Who of a request, by line, is on the list. For one that is just written, before its caller commits."""
    return ErasedBefore.of(_on_the_list(connection, _people_of(connection, request_id), days))


def erased_in_each(
    connection: Connection, several: Sequence[Sequence[Identifiers]], days: float | None
) -> list[ErasedBefore | None]:
    """The same of several requests, each given by its people in order, which are looked up together."""
    people = (
        ((place, line), identifiers)
        for place, those in enumerate(several)
        for line, identifiers in enumerate(those, start=1)
    )
    lines: dict[int, list[int]] = defaultdict(list)
    for place, line in _on_the_list(connection, people, days):
        lines[place].append(line)
    return [ErasedBefore.of(lines[place]) for place in range(len(several))]


def _on_the_list(
    connection: Connection, people: Iterable[tuple[Place, Identifiers]], days: float | None
) -> Iterator[Place]:
    for some in in_blocks(people, PEOPLE):
        erasures = erasures_of(connection, [identifiers for _, identifiers in some], days)
        yield from (place for (place, _), erasure in zip(some, erasures, strict=True) if erasure)


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


_IN_TIME = """(CAST(:days AS double precision) IS NULL
    OR {at} > now() - CAST(:days AS double precision) * interval '1 day')"""


def _places(table: str, column: str, asked: str) -> str:
    return f"""
        SELECT found.request_id, found.line FROM (SELECT print FROM asked WHERE {asked}) AS wanted
        CROSS JOIN LATERAL (
            SELECT request_id, line FROM {table}
            CROSS JOIN LATERAL {REQUEST.format(of=table)}
            WHERE {table}.{column} = wanted.print AND CAST(requests.kind AS text) = ANY(CAST(:kinds AS text[]))
            ORDER BY request_id DESC LIMIT :most) AS found"""


_LIVE = text(f"""
    WITH asked AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:fields AS text[]), CAST(:prints AS uuid[])) AS asked (field, print)),
    place AS MATERIALIZED (
        {" UNION ".join(_places("subjects", column, f"field = '{name}'") for name, column in COLUMNS.items())}
        UNION {_places("other_identifiers", "print", "true")})
    SELECT place.request_id, place.line, CAST(requests.kind AS text), requests.effective_at AS at,
        CASE WHEN {has_key()} THEN requests.public_id END AS public_id, known.field, known.print
    FROM place CROSS JOIN LATERAL {REQUEST.format(of="place")} CROSS JOIN LATERAL {known("place")} AS known
    WHERE {_IN_TIME.format(at="requests.effective_at")} AND {counts("place")}
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
    FROM place LEFT JOIN LATERAL {known("place")} AS known ON true
    ORDER BY place.line
""")
