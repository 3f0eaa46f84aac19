"""Whether the outcomes on record are those that earlier trees of a request were made of. Outcomes are only ever added:
each delivery then stood as it did after one of its rounds."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice, product
from typing import NamedTuple

from sqlalchemy import Connection, text

from evidence.merkle import leaf_hash, root_of
from evidence.outcomes import PERSON_BYTES, Delivery, Ended, leaf, write_deliveries
from evidence.tiles import WIDTH, hashes_in
from ledger.evidence.lines import Block, Request
from ledger.evidence.outcome_trees import tile_roots

NEAR = 4
"""Rounds of a delivery that are tried: those that were the last one about when the tree was made. An outcome's time is
when its transaction began, so the order of times alone does not tell."""
MOST_TRIED = 10_000
"""Combinations of them that are tried for one line."""


class EarlierTree(NamedTuple):
    """A tree that a later one has replaced."""

    id: int
    root: bytes
    rounds: bool
    made_at: datetime


def earlier_trees(connection: Connection, requests: Sequence[Request]) -> dict[int, list[EarlierTree]]:
    """The earlier trees of these requests, by request."""
    found: defaultdict[int, list[EarlierTree]] = defaultdict(list)
    last = {request.id: request.tree.id for request in requests if request.tree is not None}
    for row in connection.execute(_TREES, {"ids": list(last)}):
        if row.id < last[row.request_id]:
            found[row.request_id].append(EarlierTree(row.id, row.root, row.rounds, row.made_at))
    return found


def tree_holds(connection: Connection, tree: EarlierTree, lines: int) -> bool:
    """Whether its tiles have its root, for a request of so many lines."""
    roots = tile_roots(connection, tree.id)
    return len(roots) == -(-lines // WIDTH) and root_of(roots) == tree.root


def block_holds(connection: Connection, tree: EarlierTree, block: Block, hashes: Sequence[bytes]) -> bool:
    """Whether these lines are those that the tree has, or have become what they are from them. `hashes`: of the lines
    as the last tree has them."""
    first = (block.first - 1) // WIDTH
    span = {"tree_id": tree.id, "first": first, "last": first + (len(hashes) - 1) // WIDTH}
    tiles = connection.execute(_TILES, span).all()
    then = [one for tile in tiles for one in hashes_in(tile.hashes)]
    people = b"".join(tile.people for tile in tiles)
    if len(then) != len(hashes) or len(people) != len(hashes) * PERSON_BYTES:
        return False
    if any(root_of(hashes_in(tile.hashes)) != tile.root for tile in tiles):
        return False
    written: dict[Ended, list[bytes]] = {}
    for place, (was, is_now) in enumerate(zip(then, hashes, strict=True)):
        person = people[place * PERSON_BYTES : (place + 1) * PERSON_BYTES]
        if was == is_now and person == block.people[place]:
            continue
        done = block.ended[place]
        if done not in written:
            written[done] = list(_ways(done, tree))
        line = block.first + place
        if all(leaf_hash(leaf(line, person, deliveries)) != was for deliveries in written[done]):
            return False
    return True


def _ways(done: Ended, tree: EarlierTree) -> Iterator[bytes]:
    """How the deliveries of a line may have stood when the tree was made; the likeliest first."""
    each = [_near(one, tree.made_at) for one in done]
    for ended in islice(product(*each), MOST_TRIED):
        yield write_deliveries(ended, rounds=tree.rounds)


def _near(delivery: Delivery | None, at: datetime) -> list[Delivery | None]:
    if delivery is None:
        return [None]
    rounds = [None, *delivery.prefixes()]
    last = sum(one is None or one.at <= at for one in rounds) - 1
    return [rounds[place] for place in sorted(range(len(rounds)), key=lambda place: abs(place - last))[:NEAR]]


_TREES = text("""
    SELECT request_id, id, root, rounds, made_at FROM outcome_trees
    WHERE request_id = ANY(CAST(:ids AS bigint[])) ORDER BY id
""")
_TILES = text("""
    SELECT root, hashes, people FROM outcome_tiles
    WHERE tree_id = :tree_id AND number BETWEEN :first AND :last ORDER BY number
""")
