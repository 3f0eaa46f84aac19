"""Many things looked at together, a block at a time: what a look costs is shared by all in the block."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

BLOCK = 100
"""Enough to hide what a look costs. Rows of a file take some 15 kB then, and 6 MB where each is as long as can be."""

Item = TypeVar("Item")


def in_blocks(items: Iterable[Item], size: int = BLOCK) -> Iterator[list[Item]]:
    """The same in lists of `size`, in order; the last may be shorter."""
    rest = iter(items)
    return iter(lambda: list(islice(rest, size)), [])
