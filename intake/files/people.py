"""What a reader of files returns: people and their lines."""

from collections.abc import Sequence
from typing import NamedTuple

from domain.requests import Subject


class People(NamedTuple):
    """Consecutive people of a file, each with the number of their first line, from 1."""

    lines: Sequence[int]
    subjects: Sequence[Subject]

    def __repr__(self) -> str:
        return f"People({len(self.subjects)})"
