"""Whether the outcomes on record still are those that were hashed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, text

from evidence.merkle import leaf_hashes, root_of
from evidence.outcomes import count
from evidence.tiles import WIDTH
from ledger.evidence import earlier_trees
from ledger.evidence.earlier_trees import EarlierTree
from ledger.evidence.lines import Block, NoTreeError, Request, Tree, blocks_of, read, requests_of
from ledger.evidence.outcome_trees import by_vendor, join_upper, tile_roots
from ledger.sealing import MasterKeys, UnsealError

STEP = 256
"""Requests looked at together."""


def check_trees(connection: Connection, masters: MasterKeys | None) -> Iterator[str]:
    """What of the outcomes is not as it was hashed, by the last tree of a request and by earlier ones: sentences.
    Without `masters` people are taken as their tree has them. Requests in which something has changed since their tree
    was made are passed over: they get a new one."""
    after = 0
    while True:
        ids = list(connection.execute(_NEXT, {"after": after, "most": STEP}).scalars())
        if not ids:
            return
        after = ids[-1]
        requests = requests_of(connection, ids)
        earlier = earlier_trees.earlier_trees(connection, requests)
        for request, blocks in _in_batches(connection, requests, masters):
            try:
                holds = _holds(connection, request, blocks, earlier.get(request.id, ()))
            except (NoTreeError, UnsealError):
                holds = False
            if not holds:
                yield f"the outcomes of request {request.public_id} are not those that were hashed"


def _in_batches(
    connection: Connection, requests: Sequence[Request], masters: MasterKeys | None
) -> Iterator[tuple[Request, Iterable[Block]]]:
    """Each request with its blocks. Small ones are read together, or each by itself where one of them cannot be."""
    small = [one for one in requests if one.lines <= WIDTH]
    try:
        together = {
            id(one): [block] for one, block in zip(small, read(connection, small, masters, 1, WIDTH), strict=True)
        }
    except (NoTreeError, UnsealError):
        together = {}
    for request in requests:
        yield request, together.get(id(request)) or blocks_of(connection, request, masters)


def _holds(connection: Connection, request: Request, blocks: Iterable[Block], earlier: Sequence[EarlierTree]) -> bool:
    tree = request.tree
    if tree is None:
        return False
    roots: list[bytes] = []
    counts: Counter[tuple[str, str, str]] = Counter()
    for block in blocks:
        hashes = leaf_hashes(block.entries(rounds=tree.rounds))
        tiles = [hashes[place : place + WIDTH] for place in range(0, len(hashes), WIDTH)]
        if not _are_stored(connection, tree, block, tiles):
            return False
        if not all(earlier_trees.block_holds(connection, one, block, hashes) for one in earlier):
            return False
        roots += [root_of(tile) for tile in tiles]
        counts += count(block.ended)
    return (
        tile_roots(connection, tree.id) == roots
        and root_of(roots) == tree.root
        and tree.upper == (join_upper(roots) if tree.rounds else None)
        and tree.vendors == by_vendor(counts)
        and all(earlier_trees.tree_holds(connection, one, request.lines) for one in earlier)
    )


def _are_stored(connection: Connection, tree: Tree, block: Block, tiles: Sequence[Sequence[bytes]]) -> bool:
    first = (block.first - 1) // WIDTH
    stored = connection.execute(_TILES, {"tree_id": tree.id, "first": first, "last": first + len(tiles) - 1}).all()
    return [(row.number, row.hashes) for row in stored] == [
        (number, b"".join(tile)) for number, tile in enumerate(tiles, first)
    ] and b"".join(row.people for row in stored) == b"".join(block.people)


# Of which nothing is open, and nothing has changed since.
_NEXT = text("""
    SELECT DISTINCT request_id FROM outcome_trees JOIN requests ON requests.id = request_id
    WHERE request_id > :after AND closed_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM chunks WHERE chunks.request_id = requests.id AND state <> 'closed')
        AND NOT EXISTS (SELECT FROM trees_due WHERE trees_due.request_id = requests.id)
        AND NOT EXISTS (SELECT FROM volumes
            WHERE dropped_at IS NOT NULL AND request_id >= first_request AND request_id < past_request)
    ORDER BY request_id LIMIT :most
""")
_TILES = text("""
    SELECT number, hashes, people FROM outcome_tiles
    WHERE tree_id = :tree_id AND number BETWEEN :first AND :last ORDER BY number
""")
