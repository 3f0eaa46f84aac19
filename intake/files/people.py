"""What a reader of files gives: people, and where they stand."""

from collections.abc import Sequence
from typing import NamedTuple

from domain.requests import Subject


class People(NamedTuple):
    """People who follow each other in a file, each with the number of the line that theirs begins on, from 1."""

    lines: Sequence[int]
    subjects: Sequence[Subject]

    def __repr__(self) -> str:
        return f"People({len(self.subjects)})"
