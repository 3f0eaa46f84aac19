"""Deliveries of the same people in other requests: which requests can matter, and who in them shares an identifier.
Bounded, the newest first, and from the smaller side."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from domain.requests import Kind
from domain.wishes import Ref
from ledger.delivery.chunks import Lease, Purpose

PER_PERSON = 64
"""So many other deliveries are compared with a person's, for each identifier that they share. Of a person with more,
`MANY_PER_PERSON` of the newest are looked at, and their comparison is incomplete."""
MANY_PER_PERSON = 8
IN_ALL = 20_000
"""The same for all people of a chunk together."""
SCANNED = 256
"""Beside very many other requests, so many deliveries are read for each of a person's identifiers to find these."""


class Found(NamedTuple):
    """Deliveries of the same people, by line of the chunk. `incomplete`: lines that have more than were looked at."""

    matches: dict[int, list[Ref]]
    incomplete: frozenset[int]


def same_people(connection: Connection, lease: Lease, lines: Sequence[int]) -> Found:
    """Deliveries at the vendor of a leased chunk, in other requests, of people who share an identifier with those on
    these lines: what is due or under way, and newer wishes of another kind."""
    reads_back = lease.purpose is Purpose.VERIFY
    here = {
        "request_id": lease.request_id,
        "vendor_id": lease.vendor_id,
        "kinds": [kind.value for kind in Kind if kind is not lease.kind and (reads_back or _answers(lease.kind, kind))],
        "lines": list(lines),
        "per_person": PER_PERSON,
        "many_per_person": MANY_PER_PERSON,
        "in_all": IN_ALL,
        "scanned": SCANNED,
    }
    # From the smaller side: a campaign beside requests of one person must not look up each of its own people, and one
    # person must not be held against each of ten thousand requests.
    near = connection.execute(_NEAR, {**here, "most": max(len(lines), _FEW)}).one()
    if near.many:
        return _in_volumes(connection, here, near)
    if near.ids is None:
        return Found({}, frozenset())
    values = {**here, "others": near.ids}
    rows = _theirs_in_mine(connection, values) if near.people <= len(lines) else None
    if rows is None:
        rows = [*connection.execute(_MINE_IN_THEIRS, values)]
    if near.mine_other or near.theirs_other:
        rows += connection.execute(_OTHERS_IN_THEIRS, values)
    return _gather(rows)


def _in_volumes(connection: Connection, here: dict[str, Any], near: Any) -> Found:
    """Beside very many other requests: each person is looked up in those volumes in which something can matter."""
    found = connection.execute(_VOLUMES, {**here, "newer": near.newer}).all()
    ranges = _joined([(row.first_request, row.past_request) for row in found])
    if not ranges:
        return Found({}, frozenset())
    ranges += [(0, 0)] * (_RANGES - len(ranges))
    values = here | {f"first_{place}": first for place, (first, _) in enumerate(ranges)}
    values |= {f"past_{place}": past for place, (_, past) in enumerate(ranges)}
    rows = [*connection.execute(_MINE_IN_ANY, values)]
    if near.mine_other or any(row.others for row in found):
        rows += connection.execute(_OTHERS_IN_ANY, values)
    return _gather(rows)


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges in order, those that touch made one, and those that are nearest until there are few."""
    joined = list(ranges)
    while len(joined) > 1:
        gap, place = min((after[0] - before[1], place) for place, (before, after) in enumerate(pairwise(joined)))
        if gap and len(joined) <= _RANGES:
            break
        joined[place : place + 2] = [(joined[place][0], joined[place + 1][1])]
    return joined


def _theirs_in_mine(connection: Connection, values: dict[str, Any]) -> list[Any] | None:
    """None where very many of ours have one print: then each of ours has to be looked up."""
    rows = connection.execute(_THEIRS_IN_MINE, values).all()
    if len(rows) >= IN_ALL or any(row.total >= SCANNED for row in rows):
        return None
    return [(*row[:4], 0) for row in rows]  # these are all there are


def _gather(rows: Iterable[Any]) -> Found:
    """Rows of (line, request, line there, identifier, how many such there are) put together by line."""
    matches: dict[int, dict[Ref, None]] = {}
    seen: dict[tuple[int, str], int] = {}
    counted: dict[tuple[int, str], int] = {}
    for line, other_id, other_line, by, total in rows:
        matches.setdefault(line, {})[Ref(other_id, other_line)] = None
        seen[line, by] = seen.get((line, by), 0) + 1
        counted[line, by] = total
    incomplete = frozenset(line for (line, by), count in seen.items() if count < counted[line, by])
    return Found({line: list(refs) for line, refs in matches.items()}, incomplete)


def _answers(this: Kind, other: Kind) -> bool:
    """Whether a newer wish of another kind that is done already can change what becomes of this one."""
    return this is not Kind.ERASURE or other is Kind.OPT_IN


_FEW = 16
_MATTERS = """
    (:vendor_id = ANY(other.vendor_ids) AND other.not_before <= now() AND (
        other.status = 'running'
        OR CAST(other.kind AS text) = ANY(CAST(:kinds AS text[])) AND other.effective_at >= this.effective_at
            AND other.status IN ('completed', 'completed_with_exceptions', 'cancelled'))
    OR EXISTS (
        SELECT FROM chunks
        WHERE chunks.request_id = other.id AND chunks.vendor_id = :vendor_id AND chunks.state = 'leased'))
"""
"""Whether another request can matter to this one: one still running, one with a newer wish of another kind, or one of
which something is under way at this moment: a read-back, which may deliver again, or what was not stopped in time."""
# The limits bound what is read, however many requests there are; where one is reached, the list is not complete. In the
# order of an index, for a planner that expects many would rather read the table until it has enough.
_NEAR = text(f"""
    WITH near AS MATERIALIZED (
        (SELECT 1 AS why, id FROM requests WHERE status = 'running' AND not_before <= now() AND id <> :request_id
         ORDER BY not_before LIMIT :most)
        UNION ALL
        (SELECT 2, newer.id
         FROM requests AS this
         CROSS JOIN unnest(CAST(:kinds AS text[])) AS another (kind)
         CROSS JOIN LATERAL (
            SELECT id FROM requests
            WHERE status IN ('completed', 'completed_with_exceptions', 'cancelled')
                AND kind = CAST(another.kind AS kind) AND effective_at >= this.effective_at
            ORDER BY effective_at LIMIT :most) AS newer
         WHERE this.id = :request_id)
        UNION ALL
        (SELECT 3, chunks.request_id FROM chunks JOIN requests ON requests.id = chunks.request_id
         WHERE state = 'leased' AND vendor_id = :vendor_id AND chunks.request_id <> :request_id
            AND requests.status <> 'running'
         LIMIT :most)),
    mattering AS MATERIALIZED (
        SELECT DISTINCT other.id, other.subjects
        FROM requests AS this
        CROSS JOIN near
        CROSS JOIN LATERAL (SELECT * FROM requests WHERE requests.id = near.id OFFSET 0) AS other
        WHERE this.id = :request_id AND {_MATTERS})
    SELECT many,
        CASE WHEN many THEN (
            SELECT COALESCE(array_agg(id), CAST(ARRAY[] AS bigint[])) FROM near WHERE why = 2 HAVING count(*) < :most
        ) END AS newer,
        CASE WHEN NOT many THEN (SELECT array_agg(id) FROM mattering) END AS ids,
        CASE WHEN NOT many THEN (SELECT sum(subjects) FROM mattering) END AS people,
        EXISTS (SELECT FROM other_identifiers WHERE request_id = :request_id) AS mine_other,
        NOT many AND EXISTS (SELECT FROM mattering JOIN other_identifiers ON request_id = mattering.id) AS theirs_other
    FROM (SELECT EXISTS (SELECT FROM near GROUP BY why HAVING count(*) >= :most) AS many OFFSET 0) AS how
""")
# Where they are too many to be listed: the volumes that can hold what matters, told by what is open in them; and by the
# newer wishes that are done, where these could be listed. Else a volume that had ended before this wish was made holds
# none; an hour is for requests that were being written then.
_VOLUMES = text("""
    SELECT first_request, past_request, EXISTS (
            SELECT FROM other_identifiers
            WHERE other_identifiers.request_id >= first_request AND other_identifiers.request_id < past_request
        ) AS others
    FROM volumes JOIN requests AS this ON this.id = :request_id
    WHERE dropped_at IS NULL AND (
        EXISTS (
            SELECT FROM requests
            WHERE status = 'running' AND requests.id >= first_request AND requests.id < past_request
                AND requests.id <> :request_id)
        OR EXISTS (
            SELECT FROM chunks
            WHERE state = 'leased' AND vendor_id = :vendor_id
                AND chunks.request_id >= first_request AND chunks.request_id < past_request
                AND chunks.request_id <> :request_id)
        OR CASE WHEN CAST(:newer AS bigint[]) IS NULL
            THEN ended_at IS NULL OR ended_at >= this.effective_at - interval '1 hour'
            ELSE EXISTS (
                SELECT FROM unnest(CAST(:newer AS bigint[])) AS newer (id)
                WHERE newer.id >= first_request AND newer.id < past_request) END)
    ORDER BY first_request
""")

_RANGES = 4
"""Where volumes that can matter lie in more ranges of requests, the volumes between the nearest of these are searched
too: one statement has one form."""
_WITHIN = " OR ".join(f"request_id >= :first_{place} AND request_id < :past_{place}" for place in range(_RANGES))
_PRINTS = ("user_print", "email_print", "phone_print")
_MINE = f"""
    mine AS MATERIALIZED (
        SELECT line, {", ".join(_PRINTS)} FROM subjects
        WHERE request_id = :request_id AND line = ANY(CAST(:lines AS integer[]))),
    other_mine AS MATERIALIZED (
        SELECT line, print FROM other_identifiers
        WHERE request_id = :request_id AND line = ANY(CAST(:lines AS integer[])))
"""


def _listed(table: str, column: str, wanted: str) -> str:
    """Who of the listed requests has a print, the newest first."""
    return f"""
        SELECT request_id, line FROM {table}
        WHERE {column} = {wanted} AND request_id = ANY(CAST(:others AS bigint[]))
        ORDER BY request_id DESC LIMIT :per_person + 1
    """


def _any(table: str, column: str, wanted: str) -> str:
    """The same of all requests that can matter; of a print that very many have, only a part is read."""
    return f"""
        SELECT request_id, line
        FROM (SELECT request_id, line FROM {table}
              WHERE {column} = {wanted} AND ({_WITHIN}) AND request_id <> :request_id
              ORDER BY request_id DESC LIMIT :scanned) AS scanned
        JOIN requests AS this ON this.id = :request_id
        CROSS JOIN LATERAL (SELECT * FROM requests WHERE requests.id = scanned.request_id OFFSET 0) AS other
        WHERE {_MATTERS}
        ORDER BY request_id DESC LIMIT :per_person + 1
    """


_Look = Callable[[str, str, str], str]


def _by_prints(look: _Look) -> list[str]:
    """Each of our three identifiers looked up as it is. LIMIT keeps the look-ups by index, one for each print."""
    return [_arm(name, "mine", look("subjects", name, f"mine.{name}")) for name in _PRINTS]


def _by_others(look: _Look) -> list[str]:
    """What only vendors' blocks give, on either side or on both."""
    ours = [_arm(f"other {name}", "other_mine", look("subjects", name, "other_mine.print")) for name in _PRINTS]
    theirs = [_arm(f"{name} other", "mine", look("other_identifiers", "print", f"mine.{name}")) for name in _PRINTS]
    return [*ours, *theirs, _arm("other", "other_mine", look("other_identifiers", "print", "other_mine.print"))]


def _arm(by: str, mine: str, look_up: str) -> str:
    return f"""
        SELECT {mine}.line, '{by}', also.request_id, also.line
        FROM {mine} CROSS JOIN LATERAL ({look_up}) AS also
    """


def _bounded(arms: Iterable[str]) -> Any:
    return text(f"""
    WITH {_MINE},
    same AS (
        SELECT *, count(*) OVER (PARTITION BY line, by) AS total,
            row_number() OVER (PARTITION BY line, by ORDER BY other_id DESC) AS place
        FROM ({" UNION ALL ".join(arms)}) AS found (line, by, other_id, other_line))
    SELECT line, other_id, other_line, by, total
    FROM same
    WHERE place <= CASE WHEN total > :per_person THEN :many_per_person ELSE total END
    ORDER BY place LIMIT :in_all
    """)


_MINE_IN_THEIRS = _bounded(_by_prints(_listed))
_OTHERS_IN_THEIRS = _bounded(_by_others(_listed))
_MINE_IN_ANY = _bounded(_by_prints(_any))
_OTHERS_IN_ANY = _bounded(_by_others(_any))
# One look-up for each of their people.
_THEIRS_IN_MINE = text(
    f"""
    WITH theirs AS MATERIALIZED (
        SELECT request_id, line, {", ".join(_PRINTS)} FROM subjects
        WHERE request_id = ANY(CAST(:others AS bigint[])))
    """
    + " UNION ALL ".join(
        f"""
        SELECT also.line, theirs.request_id AS other_id, theirs.line AS other_line, '{name}' AS by, also.total
        FROM theirs CROSS JOIN LATERAL (
            SELECT line, count(*) OVER () AS total
            FROM (SELECT line FROM subjects
                  WHERE {name} = theirs.{name} AND request_id = :request_id LIMIT :scanned) AS scanned) AS also
        WHERE also.total >= :scanned OR also.line = ANY(CAST(:lines AS integer[]))
        """
        for name in _PRINTS
    )
    + " LIMIT :in_all"
)
