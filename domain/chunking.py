"""Cutting people into chunks and batches."""

from collections.abc import Iterator, Sequence
from math import isqrt
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Span(NamedTuple):
    """Positions of people in a request, 1-based, both ends included."""

    first: int
    last: int


def cut(count: int, size: int) -> Iterator[Span]:
    """Cut positions 1..count into spans of `size`, the last one shorter. Raises ValueError where `size` < 1."""
    if size < 1:
        raise ValueError(f"a chunk holds at least one person, not {size}")
    for first in range(1, count + 1, size):
        yield Span(first, min(first + size - 1, count))


def halve(batch: Sequence[T]) -> tuple[Sequence[T], Sequence[T]]:
    """The two halves of a batch of two or more, neither empty. Raises ValueError on a smaller one."""
    if len(batch) < 2:
        raise ValueError("a batch of one cannot be halved")
    middle = len(batch) // 2
    return batch[:middle], batch[middle:]


def spread(people: Sequence[T]) -> list[T]:
    """The same people, with neighbours moved far apart. Files are often sorted: many bad records in a row would look as
    if the vendor refused everybody."""
    stride = max(1, isqrt(len(people)))
    return [person for first in range(stride) for person in people[first::stride]]
