"""How strictly people are read, and what is noticed beside them: told to whoever submits them, in numbers only."""

from collections import Counter
from dataclasses import dataclass, field

from domain.allowances import NONE, Allowances
from domain.file_lines import FileLines

DOUBTS = frozenset({"placeholder", "invisible_character", "space_at_an_end", "damaged"})
"""Kinds of faults in an identifier that a submitter may know better (`Allowances`)."""


@dataclass
class Noticed:
    """The context of a validation (`domain.requests`), and filled while people are read."""

    allowed: Allowances = NONE
    undoubted: frozenset[str] = frozenset()
    """Which of the DOUBTS are none here, as where nothing is sent."""
    left_aside: Counter[str] = field(default_factory=Counter)
    """By field, how often it was given with nothing in it."""
    file_lines: FileLines = field(default_factory=FileLines)

    def doubts(self, kind: str) -> bool:
        """Whether a fault of this kind is one at once. Where something is allowed it is looked at again, by field and
        value (`tasks.subjects`)."""
        return kind not in self.undoubted and not self.allowed

    def leave_aside(self, field: str) -> None:
        """Note that a field was given with nothing in it: that says nothing, beside an identifier that does."""
        self.left_aside[field] += 1
