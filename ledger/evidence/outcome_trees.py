"""Trees over the outcomes of a request: made when it has closed, and again when something of it changes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import Connection, text

from evidence.certificate import name_of
from evidence.merkle import leaf_hashes, root_of
from evidence.outcomes import count
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


def take_due(connection: Connection, marks: int, lines: int, closed_for_s: float = 0.0) -> list[int]:
    """Requests that closed so long ago, of which something has changed and nothing is open: of so many marks at most,
    and until they have so many lines together. The caller must make their trees in the same transaction."""
    values = {"marks": marks, "lines": lines, "closed_for_s": closed_for_s}
    ids = connection.execute(_TAKE_DUE, values).scalars().all()
    return list(connection.execute(_AT_REST, {"ids": ids}).scalars()) if ids else []


def any_due(connection: Connection) -> bool:
    """Whether there may be a tree to make."""
    return bool(connection.execute(text("SELECT EXISTS (SELECT FROM trees_due)")).scalar_one())


_TAKE_DUE = text("""
    WITH marked AS (
        SELECT trees_due.ctid AS mark, request_id, subjects + duplicates AS lines
        FROM trees_due JOIN requests ON requests.id = request_id
        WHERE COALESCE(closed_at, 'epoch') <= now() - make_interval(secs => :closed_for_s)
        LIMIT :marks FOR UPDATE OF trees_due SKIP LOCKED),
    counted AS (
        SELECT request_id, sum(max(lines)) OVER (ORDER BY request_id) - max(lines) AS lines_before
        FROM marked GROUP BY request_id),
    taken AS (
        DELETE FROM trees_due
        WHERE ctid = ANY(ARRAY(SELECT mark FROM marked JOIN counted USING (request_id) WHERE lines_before < :lines))
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
    make(connection, request, masters)
    return request_of(connection, public_id)


def _is_current(connection: Connection, request: Request) -> bool:
    if request.tree is None or not request.closed:
        return False
    return request.dropped or not connection.execute(_CHANGED, {"id": request.id}).scalar_one()


_CHANGED = text("""
    SELECT EXISTS (SELECT FROM trees_due WHERE request_id = :id)
        OR EXISTS (SELECT FROM chunks WHERE request_id = :id AND state <> 'closed')
""")


def make(connection: Connection, request: Request, masters: MasterKeys) -> bool:
    """Make the tree of a closed request anew, and keep it where it differs from the last one; whether it does.

    Raises NoTreeError, ledger.sealing.UnsealError; nothing of the request is written then.
    """
    if request.lines <= BLOCK:
        return _add_at_once(connection, request, read(connection, [request], masters, 1, BLOCK)[0])
    return _add(connection, request, blocks_of(connection, request, masters))


def _add_at_once(connection: Connection, request: Request, block: Block) -> bool:
    growing = _GrowingTree()
    tiles = growing.add(block)
    tree = growing.row(request)
    if _is_kept(request, tree["root"]):
        return False
    driver_of(connection).execute(_ADD_WITH_TILES, tree | tiles)
    return True


def _add(connection: Connection, request: Request, blocks: Iterable[Block]) -> bool:
    """The tiles of one block after the other, so that a request of any size is never in memory as a whole. Only then
    its root is known, and whether it is a new one."""
    driver, growing = driver_of(connection), _GrowingTree()
    with connection.begin_nested() as written:
        driver.execute(_TREE_COMES_LAST)
        tree_id = connection.execute(_NEXT_ID).scalar_one()
        for block in blocks:
            driver.execute(_ADD_TILES, {"tree_id": tree_id} | growing.add(block))
        tree = growing.row(request)
        if _is_kept(request, tree["root"]):
            written.rollback()
            return False
        driver.execute(_ADD_TREE, {"tree_id": tree_id} | tree)
        return True


def _is_kept(request: Request, root: bytes) -> bool:
    """Whether the last tree of the request is the same."""
    return request.tree is not None and request.tree.rounds and request.tree.root == root


class _GrowingTree:
    """A tree that is made a block at a time; all blocks but the last consist of full tiles."""

    def __init__(self) -> None:
        self._size = 0
        self._roots: list[bytes] = []
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def add(self, block: Block) -> dict[str, Any]:
        """Count the next lines in; returns their tiles, by column."""
        hashes = leaf_hashes(block.entries(rounds=True))
        parts = [slice(place, place + WIDTH) for place in range(0, len(hashes), WIDTH)]
        roots = [root_of(hashes[part]) for part in parts]
        first = len(self._roots)
        self._size += len(hashes)
        self._roots += roots
        self._counts += count(block.ended)
        return {
            "numbers": list(range(first, first + len(parts))),
            "roots": roots,
            "hashes": [b"".join(hashes[part]) for part in parts],
            "people": [b"".join(block.people[part]) for part in parts],
        }

    def row(self, request: Request) -> dict[str, Any]:
        """Its row of `outcome_trees`. Each tile but the last is full, so their roots have the root of all."""
        return {
            "request_id": request.id,
            "size": self._size,
            "root": root_of(self._roots),
            "vendors": to_json(by_vendor(self._counts)).decode(),
            "upper": join_upper(self._roots),
        }


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
_TREE_COMES_LAST = "SET CONSTRAINTS outcome_tiles_tree_id_fkey DEFERRED"
_NEXT_ID = text("SELECT nextval(pg_get_serial_sequence('outcome_trees', 'id'))")
_ADD_TREE = """
    INSERT INTO outcome_trees (id, request_id, size, root, vendors, rounds, upper) OVERRIDING SYSTEM VALUE
    VALUES (%(tree_id)s, %(request_id)s, %(size)s, %(root)s, CAST(%(vendors)s AS jsonb), true, %(upper)s)
"""
# In binary: to quote bytes in an array takes as long as to hash them.
_TILES = """
    unnest(CAST(%(numbers)s AS integer[]), CAST(%(roots)b AS bytea[]), CAST(%(hashes)b AS bytea[]),
        CAST(%(people)b AS bytea[])) AS tiles
"""
_ADD_TILES = f"""
    INSERT INTO outcome_tiles (tree_id, number, root, hashes, people) SELECT %(tree_id)s, tiles.* FROM {_TILES}
"""
_ADD_WITH_TILES = f"""
    WITH tree AS (
        INSERT INTO outcome_trees (request_id, size, root, vendors, rounds, upper)
        VALUES (%(request_id)s, %(size)s, %(root)s, CAST(%(vendors)s AS jsonb), true, %(upper)s)
        RETURNING id)
    INSERT INTO outcome_tiles (tree_id, number, root, hashes, people) SELECT tree.id, tiles.* FROM tree, {_TILES}
"""
