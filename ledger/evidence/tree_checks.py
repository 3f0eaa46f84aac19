"""Whether the outcomes on record still are those that were hashed."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, text

from evidence.merkle import leaf_hashes, root_of
from evidence.tiles import WIDTH
from ledger.evidence.lines import Block, NoTreeError, Request, blocks_of, read, requests_of
from ledger.sealing import MasterKeys, UnsealError

STEP = 256
"""Requests looked at together."""


def check_trees(connection: Connection, masters: MasterKeys | None) -> Iterator[str]:
    """What of the outcomes is not as it was hashed: sentences. Without `masters` people are taken as their tree has
    them. Requests in which something has changed since their tree was made are passed over: they get a new one."""
    after = 0
    while True:
        ids = list(connection.execute(_NEXT, {"after": after, "most": STEP}).scalars())
        if not ids:
            return
        after = ids[-1]
        requests = requests_of(connection, ids)
        small = [one for one in requests if one.lines <= WIDTH]
        if small and _all_hold(connection, small, masters):
            requests = [one for one in requests if one.lines > WIDTH]
        for request in requests:
            if not _holds(connection, request, masters):
                yield f"the outcomes of request {request.public_id} are not those that were hashed"


def _all_hold(connection: Connection, requests: Sequence[Request], masters: MasterKeys | None) -> bool:
    """Whether all of these small requests hold. They are read together, and one by one where any does not."""
    try:
        blocks = read(connection, requests, masters, 1, WIDTH)
    except (NoTreeError, UnsealError):
        return False
    return all(map(_block_holds, [connection] * len(requests), requests, blocks))


def _holds(connection: Connection, request: Request, masters: MasterKeys | None) -> bool:
    try:
        return all(_block_holds(connection, request, block) for block in blocks_of(connection, request, masters))
    except (NoTreeError, UnsealError):
        return False


def _block_holds(connection: Connection, request: Request, block: Block) -> bool:
    tree = request.tree
    if tree is None:
        return False
    hashes = leaf_hashes(block.entries)
    first = (block.first - 1) // WIDTH
    wanted = [hashes[place : place + WIDTH] for place in range(0, len(hashes), WIDTH)]
    span = {"tree_id": tree.id, "first": first, "last": first + len(wanted) - 1}
    stored = connection.execute(_TILES, span).all()
    as_stored = [(row.number, row.root, row.hashes) for row in stored]
    as_wanted = [(first + place, root_of(tile), b"".join(tile)) for place, tile in enumerate(wanted)]
    is_last = block.first + len(hashes) > tree.size
    return (
        as_stored == as_wanted
        and b"".join(row.people for row in stored) == b"".join(block.people)
        and (not is_last or _root(connection, tree.id) == tree.root)
    )


def _root(connection: Connection, tree_id: int) -> bytes:
    return root_of(list(connection.execute(_ROOTS, {"tree_id": tree_id}).scalars()))


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
    SELECT number, root, hashes, people FROM outcome_tiles
    WHERE tree_id = :tree_id AND number BETWEEN :first AND :last ORDER BY number
""")
_ROOTS = text("SELECT root FROM outcome_tiles WHERE tree_id = :tree_id ORDER BY number")
