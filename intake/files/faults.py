"""Faults in a submitted file: where and what, never the value."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tasks import subjects

KEPT = 20
"""How many faults are reported one by one; more are only counted."""


class Fault(NamedTuple):
    """One fault: the physical line of the file (1-based), the field or "" for the whole line, and the problem."""

    line: int
    field: str
    problem: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.field + ' ' if self.field else ''}{self.problem}"


class UnusableInputError(Exception):
    """The file cannot be accepted as it is, and nothing of it was. Correct what `faults` names, and submit it again.

    `faults` are the first KEPT of `total`.
    """

    def __init__(self, faults: Sequence[Fault], total: int) -> None:
        # PostgreSQL receives this text when a COPY is broken off.
        super().__init__(f"unusable input: {total} faults")
        self.faults = tuple(faults)
        self.total = total


@dataclass
class Faults:
    """Collects faults in bounded memory."""

    kept: list[Fault] = field(default_factory=list)
    total: int = 0

    def add(self, line: int, field: str, problem: str) -> None:
        """Note one fault."""
        self.total += 1
        if len(self.kept) < KEPT:
            self.kept.append(Fault(line, field, problem))

    def add_all(self, line: int, found: Iterable[subjects.Fault]) -> None:
        """Note the faults of the person on a line."""
        for fault in found:
            self.add(line, fault.field, fault.problem)

    def error(self) -> UnusableInputError:
        """The exception to raise."""
        return UnusableInputError(self.kept, self.total)
