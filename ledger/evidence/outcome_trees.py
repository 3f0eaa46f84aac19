"""Trees over the outcomes of a request: made when it has closed, and again when something of it changes."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import Connection, text

from evidence.certificate import name_of
from evidence.merkle import leaf_hash, root_of
from evidence.outcomes import NOBODY, PERSON_BYTES, Delivery, Hasher, count, leaf
from evidence.tiles import WIDTH
from ledger.contexts import key_context, subject_contexts
from ledger.sealing import MasterKeys, SealingKey
from ledger.session import driver_of

BLOCK = 32 * WIDTH
"""Lines read together."""
_ONE_AT_A_TIME = 0x6F7574636F6D6573
"""Trees are made by one process at a time ("outcomes")."""


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


def take_due(connection: Connection, most: int) -> list[int]:
    """Closed requests of which something has changed, and of which nothing is open, `most` at most. The caller must
    make their trees in the same transaction."""
    ids = connection.execute(_TAKE_DUE, {"most": most}).scalars().all()
    return list(connection.execute(_AT_REST, {"ids": ids}).scalars()) if ids else []


def any_due(connection: Connection) -> bool:
    """Whether there may be a tree to make."""
    return bool(connection.execute(text("SELECT EXISTS (SELECT FROM trees_due)")).scalar_one())


_TAKE_DUE = text("""
    WITH taken AS (
        DELETE FROM trees_due
        WHERE ctid = ANY(ARRAY(SELECT ctid FROM trees_due LIMIT :most FOR UPDATE SKIP LOCKED))
        RETURNING request_id)
    SELECT DISTINCT request_id FROM taken ORDER BY request_id
""")
# What is still open marks its request again when it closes.
_AT_REST = text("""
    SELECT id FROM requests
    WHERE id = ANY(CAST(:ids AS bigint[])) AND closed_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM chunks WHERE chunks.request_id = requests.id AND state <> 'closed')
    ORDER BY id
""")


def take_turn(connection: Connection, *, wait: bool) -> bool:
    """Take the turn to make trees until the caller commits; False where another process has it and we do not wait."""
    if wait:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ONE_AT_A_TIME})
        return True
    return bool(connection.execute(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _ONE_AT_A_TIME}).scalar())


def bring_up_to_date(connection: Connection, public_id: UUID, masters: MasterKeys) -> Request | None:
    """A closed request with a tree of what is on record now; None where there is no such request. Waits while another
    process makes trees. Raises NoTreeError, ledger.sealing.UnsealError."""
    take_turn(connection, wait=True)
    request_id = connection.execute(_ID, {"public_id": public_id}).scalar()
    if request_id is None:
        return None
    (request,) = requests_of(connection, [request_id])
    is_final = request.dropped or not connection.execute(_CHANGED, {"id": request_id}).scalar_one()
    if request.tree is not None and request.closed and is_final:
        return request
    make(connection, [request], masters)
    (request,) = requests_of(connection, [request_id])
    return request


_ID = text("SELECT id FROM requests WHERE public_id = :public_id")
_CHANGED = text("""
    SELECT EXISTS (SELECT FROM trees_due WHERE request_id = :id)
        OR EXISTS (SELECT FROM chunks WHERE request_id = :id AND state <> 'closed')
""")


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


_REQUESTS = text("""
    SELECT requests.id, public_id, subjects, duplicates, vendor_ids, data_key, closed_at IS NOT NULL AS closed,
        EXISTS (SELECT FROM volumes WHERE dropped_at IS NOT NULL AND requests.id >= first_request
            AND requests.id < past_request) AS dropped,
        last.id AS tree_id, size, root, last.vendors
    FROM requests
    LEFT JOIN LATERAL (
        SELECT id, size, root, vendors FROM outcome_trees WHERE request_id = requests.id ORDER BY id DESC LIMIT 1
    ) AS last ON true
    WHERE requests.id = ANY(CAST(:ids AS bigint[])) ORDER BY requests.id
""")


def make(connection: Connection, requests: Sequence[Request], masters: MasterKeys) -> int:
    """Make the trees of these closed requests anew, and keep those that differ from the last one; returns how many.

    Raises NoTreeError, ledger.sealing.UnsealError.
    """
    return sum(_keep(connection, request, blocks) for request, blocks in _in_batches(connection, requests, masters))


def _in_batches(
    connection: Connection, requests: Sequence[Request], masters: MasterKeys
) -> Iterator[tuple[Request, Iterator[Block]]]:
    """Each request with its blocks. Small ones are read together."""
    small = [one for one in requests if one.lines <= WIDTH]
    for place in range(0, len(small), WIDTH):
        batch = small[place : place + WIDTH]
        for request, block in zip(batch, read(connection, batch, masters, 1, WIDTH), strict=True):
            yield request, iter((block,))
    for request in requests:
        if request.lines > WIDTH:
            yield request, blocks_of(connection, request, masters)


def blocks_of(connection: Connection, request: Request, masters: MasterKeys | None) -> Iterator[Block]:
    """All lines of a request, a block at a time. Raises as `make`."""
    for first in range(1, request.lines + 1, BLOCK):
        yield read(connection, [request], masters, first, first + BLOCK - 1)[0]


def _keep(connection: Connection, request: Request, blocks: Iterator[Block]) -> bool:
    people: list[bytes] = []
    hashes: list[bytes] = []
    counts: Counter[tuple[str, str, str]] = Counter()
    for block in blocks:
        people.append(b"".join(block.people))
        hashes += map(leaf_hash, block.entries)
        counts += block.counts
    tiles = [hashes[place : place + WIDTH] for place in range(0, len(hashes), WIDTH)]
    roots = [root_of(tile) for tile in tiles]
    root = root_of(roots)  # each tile but the last is complete, so their roots have the root of all
    if request.tree is not None and request.tree.root == root:
        return False
    vendors: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (vendor, outcome, reason), number in sorted(counts.items()):
        vendors[vendor][name_of(outcome, reason)] = number
    values = {"request_id": request.id, "size": len(hashes), "root": root, "vendors": to_json(vendors).decode()}
    tree_id = connection.execute(_ADD_TREE, values).scalar_one()
    everybody = b"".join(people)
    for place in range(0, len(tiles), BLOCK):
        part = range(place, min(place + BLOCK, len(tiles)))
        values = {
            "tree_id": tree_id,
            "numbers": list(part),
            "roots": [roots[number] for number in part],
            "hashes": [b"".join(tiles[number]) for number in part],
            "people": [everybody[number * _WIDE : (number + 1) * _WIDE] for number in part],
        }
        connection.execute(_ADD_TILES, values)
    return True


_WIDE = WIDTH * PERSON_BYTES
_ADD_TREE = text("""
    INSERT INTO outcome_trees (request_id, size, root, vendors)
    VALUES (:request_id, :size, :root, CAST(:vendors AS jsonb)) RETURNING id
""")
_ADD_TILES = text("""
    INSERT INTO outcome_tiles (tree_id, number, root, hashes, people)
    SELECT :tree_id, tiles.* FROM unnest(CAST(:numbers AS integer[]), CAST(:roots AS bytea[]),
        CAST(:hashes AS bytea[]), CAST(:people AS bytea[])) AS tiles
""")


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
    data_key = SealingKey(masters.open(request.wrapped, key_context(request.public_id)))
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
