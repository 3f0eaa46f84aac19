"""Merkle trees of RFC 9162 (section 2.1): roots, inclusion and consistency, over SHA-256."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256().digest()
"""The root of a tree without leaves."""

Complete = Callable[[int, int], bytes]
"""Gives the hash of a complete subtree: the one of 2**height leaves that begins at leaf number * 2**height."""


class ProofError(ValueError):
    """A proof does not lead from its leaf to the root, or has no form that a proof can have."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\x00" + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """The same of very many, without a call for each."""
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node above two others."""
    return sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root of a tree with these hashes as its leaves, whatever their number."""
    if not hashes:
        return EMPTY_ROOT
    row = list(hashes)
    while len(row) > 1:
        above = [sha256(b"\x01" + left + right).digest() for left, right in zip(row[::2], row[1::2], strict=False)]
        if len(row) % 2:
            above.append(row[-1])
        row = above
    return row[0]


def complete_in(hashes: Sequence[bytes]) -> Complete:
    """The complete subtrees of a tree with these leaves."""
    rows = [list(hashes)]
    while len(rows[-1]) > 1:
        row = rows[-1]
        rows.append([node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=False)])
    return lambda height, number: rows[height][number]


class Frontier:
    """A tree that only grows: keeps the complete subtrees at its right edge, one hash for each bit of its size."""

    def __init__(self) -> None:
        self.size = 0
        self._edge: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Add the hash of one more leaf."""
        self._edge.append(leaf)
        self.size += 1
        number = self.size
        while number % 2 == 0:
            right = self._edge.pop()
            self._edge[-1] = node_hash(self._edge[-1], right)
            number //= 2

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add several."""
        for leaf in leaves:
            self.append(leaf)

    def root(self, more: Sequence[bytes] = ()) -> bytes:
        """The root of what was added so far, and of `more` leaves after it, which must be fewer than the smallest
        complete subtree at the edge has."""
        return fold([*self._edge, *complete_parts(more)])


def complete_parts(hashes: Sequence[bytes]) -> list[bytes]:
    """The roots of the complete subtrees of a tree with these leaves, the largest first."""
    parts, place = [], 0
    for bit in reversed(range(len(hashes).bit_length())):
        if len(hashes) & 1 << bit:
            parts.append(root_of(hashes[place : place + (1 << bit)]))
            place += 1 << bit
    return parts


def fold(edge: Sequence[bytes]) -> bytes:
    """The root of a tree from its complete subtrees, from left to right, the largest first."""
    if not edge:
        return EMPTY_ROOT
    root = edge[-1]
    for left in reversed(edge[:-1]):
        root = node_hash(left, root)
    return root


def inclusion_path(index: int, size: int, complete: Complete) -> list[bytes]:
    """The hashes that lead from a leaf to the root of a tree of this size, from its sibling up (section 2.1.3.1).

    Raises ValueError for a leaf that is not in it.
    """
    if not 0 <= index < size:
        raise ValueError("no such leaf")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(subtree(middle, end, complete))
            end = middle
        else:
            path.append(subtree(begin, middle, complete))
            begin = middle
    return path[::-1]


def subtree(begin: int, end: int, complete: Complete) -> bytes:
    """The hash over the leaves from `begin` up to `end`, a subtree of some tree."""
    count = end - begin
    if count & (count - 1) == 0:
        height = count.bit_length() - 1
        return complete(height, begin >> height)
    middle = begin + _split(count)
    return node_hash(subtree(begin, middle, complete), subtree(middle, end, complete))


def consistency_path(before: int, size: int, complete: Complete) -> list[bytes]:
    """The hashes that show that a tree of this size begins with the tree of an earlier size (section 2.1.4.1).

    Raises ValueError unless 0 < before <= size.
    """
    if not 0 < before <= size:
        raise ValueError("no such trees")
    path: list[bytes] = []
    begin, end, whole = 0, size, True
    while before != end:
        middle = begin + _split(end - begin)
        if before <= middle:
            path.append(subtree(middle, end, complete))
            end = middle
        else:
            path.append(subtree(begin, middle, complete))
            begin, whole = middle, False
    if not whole:
        path.append(subtree(begin, end, complete))
    return path[::-1]


def root_by_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that a leaf and its path lead to (section 2.1.3.2). Raises ProofError where the path has another length
    than a tree of this size asks for."""
    if not 0 <= index < size:
        raise ProofError("the leaf is not in a tree of this size")
    number, last, root = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ProofError("the path is longer than the tree is high")
        if number % 2 or number == last:
            root = node_hash(sibling, root)
            while number % 2 == 0 and number:
                number, last = number >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        number, last = number >> 1, last >> 1
    if last:
        raise ProofError("the path is shorter than the tree is high")
    return root


def check_consistency(before: int, size: int, first: bytes, second: bytes, path: Sequence[bytes]) -> None:
    """Raises ProofError unless the tree of `size` leaves and root `second` begins with that of `before` leaves and root
    `first` (section 2.1.4.2). Every tree begins with the empty one."""
    if before in {0, size}:
        if path or (first != second and before == size) or (before == 0 and first != EMPTY_ROOT):
            raise ProofError("the trees do not agree")
        return
    hashes = list(path)
    if before > size or not hashes:
        raise ProofError("the trees do not agree")
    if before & (before - 1) == 0:
        hashes.insert(0, first)
    number, last = before - 1, size - 1
    while number % 2:
        number, last = number >> 1, last >> 1
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise ProofError("the path is longer than the tree is high")
        if number % 2 or number == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while number % 2 == 0 and number:
                number, last = number >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        number, last = number >> 1, last >> 1
    if last or old != first or new != second:
        raise ProofError("the trees do not agree")


def _split(count: int) -> int:
    """The largest power of two below a number of leaves, which is where their tree divides."""
    return 1 << (count - 1).bit_length() - 1
