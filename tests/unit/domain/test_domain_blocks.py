"""Many things, a block at a time."""

from itertools import count, islice

import pytest

from domain.blocks import BLOCK, in_blocks


@pytest.mark.parametrize(
    ("items", "size", "blocks"),
    [
        ([], 2, []),
        ([1], 2, [[1]]),
        ([1, 2], 2, [[1, 2]]),
        ([1, 2, 3, 4, 5], 2, [[1, 2], [3, 4], [5]]),
        ([0, None, [], 3], 3, [[0, None, []], [3]]),
    ],
)
def test_blocks_are_the_whole_in_order(items: list[object], size: int, blocks: list[list[object]]) -> None:
    assert list(in_blocks(items, size)) == blocks


def test_no_more_is_read_than_a_block_and_it_has_a_size() -> None:
    assert list(islice(in_blocks(count()), 2)) == [list(range(BLOCK)), list(range(BLOCK, 2 * BLOCK))]
