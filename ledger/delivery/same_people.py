"""Deliveries of the same people in other requests: which requests can matter, and who in them shares an identifier.
Bounded, newest first, and searched from the smaller side."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from domain.wishes import Ref
from ledger.delivery import compared_before, near_requests
from ledger.delivery.chunks import Lease
from ledger.delivery.near_requests import Volume, matters
from ledger.delivery.their_side import IN_ALL, PRINTS, SCANNED, theirs_in_mine
from ledger.person_filters import Range, joined

PER_PERSON = 64
"""How many other deliveries are compared with a person's, for each shared identifier. Of a person with more,
`MANY_PER_PERSON` of the newest are compared, and the comparison is incomplete."""
MANY_PER_PERSON = 8


class Found(NamedTuple):
    """Deliveries of the same people, by line of the chunk. `incomplete`: lines with more than were compared."""

    matches: dict[int, list[Ref]]
    incomplete: frozenset[int]


def same_people(connection: Connection, lease: Lease, lines: Sequence[int]) -> Found:
    """Other requests' deliveries at the vendor of a leased chunk, of people who share an identifier with those on these
    lines: deliveries due or under way, and newer wishes of another kind."""
    kinds = near_requests.kinds_that_answer(lease)
    here = {
        "request_id": lease.request_id,
        "vendor_id": lease.vendor_id,
        "kinds": kinds,
        "lines": list(lines),
        "per_person": PER_PERSON,
        "many_per_person": MANY_PER_PERSON,
        "in_all": IN_ALL,
        "scanned": SCANNED,
    }
    # Search from the smaller side: a campaign beside requests of one person must not look up each of its own people,
    # and one person must not be compared with each of ten thousand requests.
    many = len(lines) > near_requests.FEW
    if many and (beside := compared_before.beside(connection, kinds, here)):
        return _beside(connection, here, beside)
    near = near_requests.near(connection, kinds, here)
    if near.volumes is not None:
        if many and compared_before.compare_all(connection, here):
            beside = compared_before.beside(connection, kinds, here)
            if beside is not None:
                return _beside(connection, here, beside)
        return _in_volumes(connection, here, near.volumes, mine_other=near.mine_other)
    if near.ids is None or near.people is None:
        return Found({}, frozenset())
    return _in_listed(connection, here, near.ids, near.people, others=near.mine_other or near.theirs_other)


def _in_listed(connection: Connection, here: dict[str, Any], ids: Sequence[int], people: int, *, others: bool) -> Found:
    values = {**here, "others": ids}
    rows = theirs_in_mine(connection, values) if people <= len(here["lines"]) else None
    rows = [*connection.execute(_MINE_IN_THEIRS, values)] if rows is None else [(*row, 0) for row in rows]
    if others:
        rows += connection.execute(_OTHERS_IN_THEIRS, values)
    return _gather(rows)


def _beside(connection: Connection, here: dict[str, Any], beside: compared_before.Beside) -> Found:
    """Of a request that was compared before: what was found then, and what is compared now."""
    before = _gather((*match, 0) for match in beside.found)  # that is all of them
    if not beside.ids:
        return before
    now = _in_listed(connection, here, beside.ids, beside.people, others=beside.others)
    lines = before.matches.keys() | now.matches.keys()
    matches = {line: list(dict.fromkeys([*now.matches.get(line, ()), *before.matches.get(line, ())])) for line in lines}
    return Found(matches, now.incomplete)


def _in_volumes(connection: Connection, here: dict[str, Any], volumes: Sequence[Volume], *, mine_other: bool) -> Found:
    """Beside very many other requests: look up each person in the volumes in which something can matter."""
    rows: list[Any] = []
    to_search: list[Range] = []
    for volume in volumes:
        left = None
        if volume.left_open and not mine_other and not volume.others:
            left = _left_in_mine(connection, here, (volume.first_request, volume.past_request))
        if left is None:
            to_search.append((volume.first_request, volume.past_request))
        else:
            rows += left
    ranges = joined(to_search, _RANGES)
    if not ranges:
        return _gather(rows)
    ranges += [(0, 0)] * (_RANGES - len(ranges))
    values = here | {f"first_{place}": first for place, (first, _) in enumerate(ranges)}
    values |= {f"past_{place}": past for place, (_, past) in enumerate(ranges)}
    rows += connection.execute(_MINE_IN_ANY, values)
    if mine_other or any(volume.others for volume in volumes):
        rows += connection.execute(_OTHERS_IN_ANY, values)
    return _gather(rows)


def _left_in_mine(connection: Connection, here: dict[str, Any], within: Range) -> list[Any] | None:
    """In an old volume in which everything running is older, only what is open can matter: read it, and keep our
    people. None where something is newer, or where more is running or open than there are of ours: then ours are looked
    up."""
    most = max(len(here["lines"]), near_requests.FEW)
    values = {**here, "first": within[0], "past": within[1], "most": most + 1}
    running = connection.execute(_RUNNING_THERE, values).one()
    left = connection.execute(_LEFT, values).all()
    spans = [span[1:] for span in left if span.vendor_id == here["vendor_id"]]
    people = sum(last - first + 1 for _, first, last in spans)
    if running.newer or max(running.requests, len(left), people) > most:
        return None
    if not spans:
        return []
    requests, firsts, lasts = (list(column) for column in zip(*spans, strict=True))
    rows = connection.execute(_LEFT_IN_MINE, {**values, "requests": requests, "firsts": firsts, "lasts": lasts}).all()
    return None if len(rows) >= SCANNED else [(*row, 0) for row in rows]  # that is all of them


def _gather(rows: Iterable[Any]) -> Found:
    """Group rows of (line, request, line there, identifier, how many such there are) by line."""
    matches: dict[int, dict[Ref, None]] = {}
    seen: dict[tuple[int, str], int] = {}
    counted: dict[tuple[int, str], int] = {}
    for line, other_id, other_line, by, total in rows:
        matches.setdefault(line, {})[Ref(other_id, other_line)] = None
        seen[line, by] = seen.get((line, by), 0) + 1
        counted[line, by] = total
    incomplete = frozenset(line for (line, by), count in seen.items() if count < counted[line, by])
    return Found({line: list(refs) for line, refs in matches.items()}, incomplete)


_RANGES = 4
"""Where volumes that can matter lie in more ranges than this, the volumes between the nearest ranges are searched too,
so that one statement has one form."""
_WITHIN = " OR ".join(f"request_id >= :first_{place} AND request_id < :past_{place}" for place in range(_RANGES))
_MINE = f"""
    mine AS MATERIALIZED (
        SELECT line, {", ".join(PRINTS)} FROM subjects
        WHERE request_id = :request_id AND line = ANY(CAST(:lines AS integer[]))),
    other_mine AS MATERIALIZED (
        SELECT line, print FROM other_identifiers
        WHERE request_id = :request_id AND line = ANY(CAST(:lines AS integer[])))
"""


def _listed(table: str, column: str, wanted: str) -> str:
    """The people of the listed requests with a print, newest first."""
    return f"""
        SELECT request_id, line FROM {table}
        WHERE {column} = {wanted} AND request_id = ANY(CAST(:others AS bigint[]))
        ORDER BY request_id DESC LIMIT :per_person + 1
    """


def _any(table: str, column: str, wanted: str) -> str:
    """The same for all requests that can matter. Of a print that very many people have, only a part is read."""
    return f"""
        SELECT request_id, line
        FROM (SELECT request_id, line FROM {table}
              WHERE {column} = {wanted} AND ({_WITHIN}) AND request_id <> :request_id
              ORDER BY request_id DESC LIMIT :scanned) AS scanned
        JOIN requests AS this ON this.id = :request_id
        CROSS JOIN LATERAL (SELECT * FROM requests WHERE requests.id = scanned.request_id OFFSET 0) AS other
        WHERE {matters("CAST(:kinds AS text[])")}
        ORDER BY request_id DESC LIMIT :per_person + 1
    """


_Look = Callable[[str, str, str], str]


def _by_prints(look: _Look) -> list[str]:
    """Look up each of our three identifiers. LIMIT keeps the plan at index lookups, one for each print."""
    return [_arm(name, "mine", look("subjects", name, f"mine.{name}")) for name in PRINTS]


def _by_others(look: _Look) -> list[str]:
    """Identifiers that only vendors' blocks give, on either side or on both."""
    ours = [_arm(f"other {name}", "other_mine", look("subjects", name, "other_mine.print")) for name in PRINTS]
    theirs = [_arm(f"{name} other", "mine", look("other_identifiers", "print", f"mine.{name}")) for name in PRINTS]
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
# Read as many as there are of ours, including those at other vendors, because the index is by request.
_RUNNING_THERE = text("""
    SELECT count(*) AS requests, COALESCE(bool_or(is_newer), false) AS newer
    FROM (SELECT requests.effective_at >= this.effective_at AS is_newer
          FROM requests JOIN requests AS this ON this.id = :request_id
          WHERE requests.status = 'running' AND requests.id >= :first AND requests.id < :past
            AND requests.id <> :request_id
          ORDER BY requests.id LIMIT :most) AS found
""")
_LEFT = text("""
    SELECT vendor_id, request_id, first_line, last_line FROM chunks
    WHERE state <> 'closed' AND request_id >= :first AND request_id < :past AND request_id <> :request_id
    ORDER BY request_id LIMIT :most
""")
_LEFT_IN_MINE = text(
    f"""
    WITH {_MINE},
    span AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:requests AS bigint[]), CAST(:firsts AS integer[]), CAST(:lasts AS integer[]))
            AS span (request_id, first_line, last_line)),
    theirs AS MATERIALIZED (
        SELECT DISTINCT people.request_id, people.line, {", ".join(PRINTS)}
        FROM span CROSS JOIN LATERAL (
            SELECT * FROM subjects
            WHERE subjects.request_id = span.request_id AND line BETWEEN span.first_line AND span.last_line
                AND subjects.request_id >= :first AND subjects.request_id < :past OFFSET 0) AS people)
    """
    + " UNION ALL ".join(
        f"SELECT mine.line, theirs.request_id, theirs.line, '{name}' FROM theirs JOIN mine USING ({name})"
        for name in PRINTS
    )
    + " LIMIT :scanned"
)
