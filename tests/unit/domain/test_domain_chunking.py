"""Cutting positions into chunks, and halving a batch."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.chunking import Span, cut, halve, spread


@given(count=st.integers(0, 5_000), size=st.integers(1, 700))
def test_every_position_is_in_exactly_one_chunk_and_in_order(count: int, size: int) -> None:
    spans = list(cut(count, size))
    assert [place for span in spans for place in range(span.first, span.last + 1)] == list(range(1, count + 1))


@given(count=st.integers(1, 10**9), size=st.integers(1, 10**9))
def test_only_the_last_chunk_is_short(count: int, size: int) -> None:
    spans = []
    for span in cut(count, size):
        spans.append(span)
        if len(spans) == 50:
            break
    assert spans[0].first == 1
    full = spans if spans[-1].last < count else spans[:-1]
    assert all(last - first + 1 == size for first, last in full)
    assert all(1 <= last - first + 1 <= size for first, last in spans)


def test_nobody_makes_no_chunk() -> None:
    assert list(cut(0, 10)) == []


@pytest.mark.parametrize(("count", "size", "spans"), [(4, 2, [(1, 2), (3, 4)]), (5, 2, [(1, 2), (3, 4), (5, 5)])])
def test_known_cuts(count: int, size: int, spans: list[Span]) -> None:
    assert list(cut(count, size)) == spans


@pytest.mark.parametrize("size", [0, -1])
def test_a_chunk_of_nobody_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=rf"^a chunk holds at least one person, not {size}$"):
        list(cut(3, size))


@given(st.lists(st.integers(), min_size=2, max_size=300))
def test_halves_are_the_whole_and_never_empty(batch: list[int]) -> None:
    left, right = halve(batch)
    assert [*left, *right] == batch
    assert left
    assert right
    assert abs(len(left) - len(right)) <= 1


@pytest.mark.parametrize("batch", [[], [1]])
def test_too_few_to_halve(batch: list[int]) -> None:
    with pytest.raises(ValueError, match=r"^a batch of one cannot be halved$"):
        halve(batch)


@given(count=st.integers(0, 400))
def test_spreading_keeps_everybody_and_moves_neighbours_apart(count: int) -> None:
    order = spread(range(count))
    assert sorted(order) == list(range(count))
    assert spread("abcdefghij") == list("adgjbehcfi"), "as far apart as the root of their number"
    if count >= 9:
        assert all(abs(first - second) > 1 for first, second in pairwise(order))
