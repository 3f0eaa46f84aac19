"""Process many things a block at a time, so that the cost of a call is shared by all in the block."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

BLOCK = 100
"""Large enough to make the cost of a call negligible. Rows of a file then take about 15 kB, and 6 MB where each row has
the greatest length."""

Item = TypeVar("Item")


def in_blocks(items: Iterable[Item], size: int = BLOCK) -> Iterator[list[Item]]:
    """Yield the items in lists of `size`, in order. The last list may be shorter."""
    rest = iter(items)
    return iter(lambda: list(islice(rest, size)), [])
