"""The lines of requests as the leaves of trees: who each is, and how it ended at each vendor."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from sqlalchemy import Connection, TextClause, text

from evidence.outcomes import NOBODY, PERSON_BYTES, Delivery, Ended, Hasher, leaves
from evidence.tiles import WIDTH
from ledger.contexts import subject_contexts
from ledger.keys import open_key
from ledger.sealing import MasterKeys
from ledger.session import driver_of

BLOCK = 8 * WIDTH
"""Lines read together."""


class NoTreeError(Exception):
    """There can be no tree: the request is not closed, or its people or their outcomes are gone. The message says
    which."""


class Tree(NamedTuple):
    """The tree of a request, as it was made last."""

    id: int
    size: int
    root: bytes
    vendors: Mapping[str, Mapping[str, int]]
    """How many deliveries ended how, by vendor and by `evidence.certificate.name_of`."""
    rounds: bool
    """Whether its leaves have all rounds of a delivery; the first trees had the last one."""
    upper: bytes | None
    """The roots of each 256 full tiles, joined; None where there are none, or they were not kept."""


class Block(NamedTuple):
    """Consecutive lines of a request: who each is, and how its deliveries ended."""

    first: int
    people: list[bytes]
    ended: list[Ended]

    def entries(self, *, rounds: bool) -> list[bytes]:
        """The lines as leaves."""
        return leaves(range(self.first, self.first + len(self.people)), self.people, self.ended, rounds=rounds)


class Request(NamedTuple):
    """What is needed of a request to hash its lines."""

    id: int
    public_id: UUID
    lines: int
    vendors: Mapping[int, str]
    """Names by id, in the order of the names."""
    wrapped: bytes | None
    closed: bool
    dropped: bool
    tree: Tree | None
    """The last one that was made."""


def requests_of(connection: Connection, ids: Sequence[int]) -> list[Request]:
    """What is needed of these requests."""
    return _requests(connection, _BY_IDS, {"ids": list(ids)})


def request_of(connection: Connection, public_id: UUID) -> Request | None:
    """The same of one; None where there is no such request."""
    return next(iter(_requests(connection, _BY_PUBLIC_ID, {"public_id": public_id})), None)


def _requests(connection: Connection, statement: TextClause, given: Mapping[str, Any]) -> list[Request]:
    found = connection.execute(statement, given)
    return [
        Request(
            row.id,
            row.public_id,
            row.subjects + row.duplicates,
            {id_: name for name, id_ in sorted(row.names.items()) if id_ in row.vendor_ids},
            row.data_key,
            row.closed,
            row.dropped,
            Tree(row.tree_id, row.size, row.root, row.vendors, row.rounds, row.upper)
            if row.tree_id is not None
            else None,
        )
        for row in found
    ]


# Where not everybody can be opened any more, who a line is has been hashed before, under the key that is destroyed.
_WHOLE_KEY = """
    (SELECT wrapped FROM data_keys WHERE data_keys.request_id = requests.id AND spared IS NULL
        AND NOT EXISTS (SELECT FROM forgetting WHERE forgetting.request_id = requests.id))
"""
_REQUESTS = f"""
    SELECT requests.id, public_id, subjects, duplicates, vendor_ids, {_WHOLE_KEY} AS data_key,
        (SELECT jsonb_object_agg(name, id) FROM vendors) AS names,
        closed_at IS NOT NULL AS closed,
        EXISTS (SELECT FROM volumes WHERE dropped_at IS NOT NULL AND requests.id >= first_request
            AND requests.id < past_request) AS dropped,
        last.id AS tree_id, size, root, last.vendors, rounds, upper
    FROM requests
    LEFT JOIN LATERAL (
        SELECT id, size, root, vendors, rounds, upper FROM outcome_trees
        WHERE request_id = requests.id ORDER BY id DESC LIMIT 1
    ) AS last ON true
"""
_BY_IDS = text(f"{_REQUESTS} WHERE requests.id = ANY(CAST(:ids AS bigint[])) ORDER BY requests.id")
_BY_PUBLIC_ID = text(f"{_REQUESTS} WHERE public_id = :public_id")


def blocks_of(connection: Connection, request: Request, masters: MasterKeys | None) -> Iterator[Block]:
    """All lines of a request, a block at a time. Raises as `make`."""
    for first in range(1, request.lines + 1, BLOCK):
        yield read(connection, [request], masters, first, first + BLOCK - 1)[0]


def read(
    connection: Connection, requests: Sequence[Request], masters: MasterKeys | None, first: int, last: int
) -> list[Block]:
    """These lines of each request as leaves, in the order of the requests. Without `masters`, or where a data key was
    destroyed, people are those of the last tree.

    Raises NoTreeError where that is missing too, or a request is not closed or was dropped; and UnsealError.
    """
    _refuse_incomplete(requests)
    driver = driver_of(connection)
    sealed: defaultdict[int, list[tuple[int, bytes]]] = defaultdict(list)
    if masters is not None:
        span = {"ids": [request.id for request in requests], "first": first, "last": last}
        for request_id, line, value in driver.execute(_PEOPLE, span, binary=True).fetchall():
            sealed[request_id].append((line, value))
    ended = _ended(driver, requests, first, last)
    blocks = []
    for request in requests:
        lines = range(first, min(last, request.lines) + 1)
        people = _people(connection, request, sealed[request.id], masters, lines)
        blocks.append(Block(first, people, _by_line(ended[request.id], len(lines))))
    return blocks


def ended_of(connection: Connection, request: Request, line: int) -> Ended:
    """How the deliveries of one line ended, as it is on record. Raises NoTreeError."""
    _refuse_incomplete([request])
    ended = _ended(driver_of(connection), [request], line, line)
    return _by_line(ended[request.id], 1)[0]


def _refuse_incomplete(requests: Sequence[Request]) -> None:
    for request in requests:
        if request.dropped:
            raise NoTreeError("its people and their outcomes are past their retention, and gone")
        if not request.closed:
            raise NoTreeError("it has not closed")


def _ended(
    driver: psycopg.Connection[Any], requests: Sequence[Request], first: int, last: int
) -> dict[int, list[list[Delivery | None]]]:
    """By request, and by vendor in the order of their names, how each line's delivery ended."""
    names = {id_: name for request in requests for id_, name in request.vendors.items()}
    ended: dict[int, dict[int, list[Delivery | None]]] = {
        request.id: {id_: [None] * (min(last, request.lines) + 1 - first) for id_ in request.vendors}
        for request in requests
    }
    span = {"ids": list(ended), "first": first, "last": last}
    first_round: dict[tuple[int, int], int] = {}
    for row in driver.execute(_OUTCOMES, span, binary=True).fetchall():
        request_id, vendor_id, round_, outcome, reason, at, lowest, highest, lines = row
        at_vendor = ended[request_id].get(vendor_id)
        if at_vendor is None or highest - first >= len(at_vendor):
            raise NoTreeError("it has an outcome of a vendor or a line that is not its own")
        if lines is None:
            lines = range(lowest, highest + 1)
        before: Iterable[Delivery | None] = {None}
        if round_ > first_round.setdefault((request_id, vendor_id), round_):
            before = {at_vendor[line - first] for line in lines}
        done = {one: Delivery(names[vendor_id], outcome, reason, at, round_, one) for one in before}
        if len(done) == 1 and len(lines) > highest - lowest:
            at_vendor[lowest - first : highest - first + 1] = [*done.values()] * len(lines)
            continue
        for line in lines:
            at_vendor[line - first] = done[at_vendor[line - first]]
    return {request_id: list(by_vendor.values()) for request_id, by_vendor in ended.items()}


def _by_line(by_vendor: Sequence[Sequence[Delivery | None]], lines: int) -> list[Ended]:
    return list(zip(*by_vendor, strict=True)) if by_vendor else list(repeat((), lines))


def _people(
    connection: Connection,
    request: Request,
    sealed: list[tuple[int, bytes]],
    masters: MasterKeys | None,
    lines: range,
) -> list[bytes]:
    if masters is None or request.wrapped is None:
        return people_of_tree(connection, request, lines)
    data_key = open_key(masters, request.public_id, request.wrapped)
    hasher = Hasher.of(data_key.raw)
    numbers = [line for line, _ in sealed]
    opened = data_key.open_all([value for _, value in sealed], subject_contexts(request.id, numbers))
    known = {line: hasher.person(line, one) for line, one in zip(numbers, opened, strict=True)}
    return [known.get(line, NOBODY) for line in lines]


def people_of_tree(connection: Connection, request: Request, lines: range) -> list[bytes]:
    """Who these lines are, as the last tree has it. Raises NoTreeError."""
    if request.tree is None:
        raise NoTreeError("its people were forgotten before there was a tree of its outcomes")
    first = (lines.start - 1) // WIDTH
    span: dict[str, Any] = {"tree_id": request.tree.id, "first": first, "last": (lines.stop - 2) // WIDTH}
    joined = b"".join(connection.execute(_PEOPLE_OF_TREE, span).scalars())
    skipped = (lines.start - 1 - first * WIDTH) * PERSON_BYTES
    return [
        joined[place : place + PERSON_BYTES]
        for place in range(skipped, skipped + len(lines) * PERSON_BYTES, PERSON_BYTES)
    ]


_PEOPLE = """
    SELECT request_id, line, sealed FROM subjects
    WHERE request_id = ANY(CAST(%(ids)s AS bigint[])) AND line BETWEEN %(first)s AND %(last)s
"""
# Deliveries that were settled together come together, and later rounds later. Consecutive lines need no list. Vendors
# are named for the index; those that the request does not have are read too, for they should have no outcome.
_OUTCOMES = """
    SELECT request_id, vendor_id, round, CAST(outcome AS text), reason, settled_at, min(line), max(line),
        CASE WHEN count(*) <= max(line) - min(line) THEN array_agg(line) END
    FROM outcomes
    WHERE request_id = ANY(CAST(%(ids)s AS bigint[])) AND vendor_id = ANY(ARRAY(SELECT id FROM vendors))
        AND line BETWEEN %(first)s AND %(last)s
    GROUP BY request_id, vendor_id, round, outcome, reason, settled_at
    ORDER BY round
"""
_PEOPLE_OF_TREE = text("""
    SELECT people FROM outcome_tiles WHERE tree_id = :tree_id AND number BETWEEN :first AND :last ORDER BY number
""")
