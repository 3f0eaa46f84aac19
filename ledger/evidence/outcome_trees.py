"""Trees over the outcomes of a request: made when it has closed, and again when something of it changes."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import Connection, text

from evidence.certificate import name_of
from evidence.merkle import leaf_hashes, root_of
from evidence.outcomes import PERSON_BYTES, count
from evidence.tiles import WIDTH
from ledger.evidence.lines import BLOCK, Block, Request, blocks_of, read, request_of
from ledger.sealing import MasterKeys
from ledger.session import driver_of

_ONE_AT_A_TIME = 0x6F7574636F6D6573
"""Trees are made by one process at a time ("outcomes")."""


def deliveries_are_under_way(connection: Connection) -> bool:
    """Whether workers have anything to deliver or to read back now."""
    return bool(connection.execute(_UNDER_WAY).scalar_one())


_UNDER_WAY = text("""
    SELECT EXISTS (
        SELECT FROM vendors CROSS JOIN LATERAL (
            SELECT FROM chunks WHERE vendor_id = vendors.id AND state IN ('queued', 'leased') AND due_at > now() LIMIT 1
        ) AS out)
""")


def take_due(connection: Connection, most: int, closed_for_s: float = 0.0) -> list[int]:
    """Requests that closed so long ago, of which something has changed and nothing is open, `most` at most. The caller
    must make their trees in the same transaction."""
    ids = connection.execute(_TAKE_DUE, {"most": most, "closed_for_s": closed_for_s}).scalars().all()
    return list(connection.execute(_AT_REST, {"ids": ids}).scalars()) if ids else []


def any_due(connection: Connection) -> bool:
    """Whether there may be a tree to make."""
    return bool(connection.execute(text("SELECT EXISTS (SELECT FROM trees_due)")).scalar_one())


_TAKE_DUE = text("""
    WITH taken AS (
        DELETE FROM trees_due
        WHERE ctid = ANY(ARRAY(
            SELECT trees_due.ctid FROM trees_due JOIN requests ON requests.id = request_id
            WHERE COALESCE(closed_at, 'epoch') <= now() - make_interval(secs => :closed_for_s)
            LIMIT :most FOR UPDATE OF trees_due SKIP LOCKED))
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


def find_current(connection: Connection, public_id: UUID) -> Request | None:
    """A closed request with a tree of what is on record now; None where there is no such request, or its tree must be
    made first."""
    request = request_of(connection, public_id)
    return request if request is not None and _is_current(connection, request) else None


def bring_up_to_date(connection: Connection, public_id: UUID, masters: MasterKeys) -> Request | None:
    """A closed request with a tree of what is on record now, made where it must be; None where there is no such
    request. Waits while another process makes trees. Raises NoTreeError, ledger.sealing.UnsealError."""
    take_turn(connection, wait=True)
    request = request_of(connection, public_id)
    if request is None or _is_current(connection, request):
        return request
    make(connection, [request], masters)
    return request_of(connection, public_id)


def _is_current(connection: Connection, request: Request) -> bool:
    if request.tree is None or not request.closed:
        return False
    return request.dropped or not connection.execute(_CHANGED, {"id": request.id}).scalar_one()


_CHANGED = text("""
    SELECT EXISTS (SELECT FROM trees_due WHERE request_id = :id)
        OR EXISTS (SELECT FROM chunks WHERE request_id = :id AND state <> 'closed')
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


def _keep(connection: Connection, request: Request, blocks: Iterator[Block]) -> bool:
    people: list[bytes] = []
    hashes: list[bytes] = []
    counts: Counter[tuple[str, str, str]] = Counter()
    for block in blocks:
        people.append(b"".join(block.people))
        hashes += leaf_hashes(block.entries(rounds=True))
        counts += count(block.ended)
    tiles = [hashes[place : place + WIDTH] for place in range(0, len(hashes), WIDTH)]
    roots = [root_of(tile) for tile in tiles]
    root = root_of(roots)  # each tile but the last is complete, so their roots have the root of all
    if request.tree is not None and request.tree.root == root and request.tree.rounds:
        return False
    values = {
        "request_id": request.id,
        "size": len(hashes),
        "root": root,
        "vendors": to_json(by_vendor(counts)).decode(),
        "upper": join_upper(roots),
    }
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
        driver_of(connection).execute(_ADD_TILES, values)
    return True


def by_vendor(counts: Mapping[tuple[str, str, str], int]) -> dict[str, dict[str, int]]:
    """How many deliveries ended how, as a tree has it."""
    vendors: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (vendor, outcome, reason), number in sorted(counts.items()):
        vendors[vendor][name_of(outcome, reason)] = number
    return vendors


def join_upper(roots: Sequence[bytes]) -> bytes | None:
    """The roots of each 256 full tiles, joined, from the roots of all tiles; None where there are not as many. That the
    last one is full, as the others are, need not be known: subtrees with it are not among those that a path asks for.
    """
    full = range(0, len(roots) - WIDTH + 1, WIDTH)
    return b"".join([root_of(roots[place : place + WIDTH]) for place in full]) or None


def tile_roots(connection: Connection, tree_id: int) -> list[bytes]:
    """The roots of a tree's tiles, in order, as they are stored."""
    return list(connection.execute(_ROOTS, {"tree_id": tree_id}).scalars())


_ROOTS = text("SELECT root FROM outcome_tiles WHERE tree_id = :tree_id ORDER BY number")
_WIDE = WIDTH * PERSON_BYTES
_ADD_TREE = text("""
    INSERT INTO outcome_trees (request_id, size, root, vendors, rounds, upper)
    VALUES (:request_id, :size, :root, CAST(:vendors AS jsonb), true, :upper) RETURNING id
""")
# In binary: to quote bytes in an array takes as long as to hash them.
_ADD_TILES = """
    INSERT INTO outcome_tiles (tree_id, number, root, hashes, people)
    SELECT %(tree_id)s, tiles.* FROM unnest(CAST(%(numbers)s AS integer[]), CAST(%(roots)b AS bytea[]),
        CAST(%(hashes)b AS bytea[]), CAST(%(people)b AS bytea[])) AS tiles
"""
