"""The lines of requests as the leaves of trees: who each is, and how it ended at each vendor."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from evidence.outcomes import NOBODY, PERSON_BYTES, Delivery, Hasher, count, leaf
from evidence.tiles import WIDTH
from ledger.contexts import subject_contexts
from ledger.keys import open_key
from ledger.sealing import MasterKeys
from ledger.session import driver_of

BLOCK = 32 * WIDTH
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


class Block(NamedTuple):
    """Consecutive lines of a request, as leaves."""

    first: int
    people: list[bytes]
    entries: list[bytes]
    counts: Counter[tuple[str, str, str]]


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
    names = {row.id: row.name for row in connection.execute(text("SELECT id, name FROM vendors ORDER BY name"))}
    found = connection.execute(_REQUESTS, {"ids": list(ids)})
    return [
        Request(
            row.id,
            row.public_id,
            row.subjects + row.duplicates,
            {id_: name for id_, name in names.items() if id_ in row.vendor_ids},
            row.data_key,
            row.closed,
            row.dropped,
            Tree(row.tree_id, row.size, row.root, row.vendors) if row.tree_id is not None else None,
        )
        for row in found
    ]


# Where not everybody can be opened any more, who a line is has been hashed before, under the key that is destroyed.
_WHOLE_KEY = """
    (SELECT wrapped FROM data_keys WHERE data_keys.request_id = requests.id AND spared IS NULL
        AND NOT EXISTS (SELECT FROM forgetting WHERE forgetting.request_id = requests.id))
"""
_REQUESTS = text(f"""
    SELECT requests.id, public_id, subjects, duplicates, vendor_ids, {_WHOLE_KEY} AS data_key,
        closed_at IS NOT NULL AS closed,
        EXISTS (SELECT FROM volumes WHERE dropped_at IS NOT NULL AND requests.id >= first_request
            AND requests.id < past_request) AS dropped,
        last.id AS tree_id, size, root, last.vendors
    FROM requests
    LEFT JOIN LATERAL (
        SELECT id, size, root, vendors FROM outcome_trees WHERE request_id = requests.id ORDER BY id DESC LIMIT 1
    ) AS last ON true
    WHERE requests.id = ANY(CAST(:ids AS bigint[])) ORDER BY requests.id
""")


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
    for request in requests:
        if request.dropped:
            raise NoTreeError("its people and their outcomes are past their retention, and gone")
        if not request.closed:
            raise NoTreeError("it has not closed")
    names = {id_: name for request in requests for id_, name in request.vendors.items()}
    span = {"ids": [request.id for request in requests], "vendors": list(names), "first": first, "last": last}
    sealed: defaultdict[int, list[tuple[int, bytes]]] = defaultdict(list)
    driver = driver_of(connection)
    for request_id, line, value in driver.execute(_PEOPLE, span, binary=True).fetchall():
        sealed[request_id].append((line, value))
    ended: defaultdict[tuple[int, int], dict[int, Delivery]] = defaultdict(dict)
    for request_id, vendor_id, _, outcome, reason, at, lines in driver.execute(_OUTCOMES, span, binary=True).fetchall():
        at_vendor = ended[request_id, vendor_id]
        if outcome != "pending":
            at_vendor.update(dict.fromkeys(lines, Delivery(names[vendor_id], outcome, reason, at)))
        else:  # to be delivered again
            for line in lines:
                at_vendor.pop(line, None)
    blocks = []
    for request in requests:
        lines = range(first, min(last, request.lines) + 1)
        people = _people(connection, request, sealed[request.id], masters, lines)
        blocks.append(_block(people, [ended[request.id, vendor_id] for vendor_id in request.vendors], lines))
    return blocks


def _block(people: list[bytes], by_vendor: Sequence[Mapping[int, Delivery]], lines: range) -> Block:
    entries: list[bytes] = []
    everything: list[Delivery] = []
    for line, person in zip(lines, people, strict=True):
        done = [found for at_vendor in by_vendor if (found := at_vendor.get(line)) is not None]
        entries.append(leaf(line, person, done))
        everything += done
    return Block(lines.start, people, entries, count(everything))


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
# Deliveries that were settled together come together, and later rounds later.
_OUTCOMES = """
    SELECT request_id, vendor_id, round, CAST(outcome AS text), reason, settled_at, array_agg(line) FROM outcomes
    WHERE request_id = ANY(CAST(%(ids)s AS bigint[])) AND vendor_id = ANY(CAST(%(vendors)s AS smallint[]))
        AND line BETWEEN %(first)s AND %(last)s
    GROUP BY request_id, vendor_id, round, outcome, reason, settled_at
    ORDER BY round
"""
_PEOPLE_OF_TREE = text("""
    SELECT people FROM outcome_tiles WHERE tree_id = :tree_id AND number BETWEEN :first AND :last ORDER BY number
""")
