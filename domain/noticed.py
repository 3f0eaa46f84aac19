"""How strictly people are validated, and what was noticed meanwhile. The submitter is given numbers only."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from domain.allowances import NONE, Allowances, allowances
from domain.crowds import Crowd
from domain.file_lines import FileLines
from domain.past_erasures import ErasedBefore

DOUBTS = frozenset({"placeholder", "invisible_character", "space_at_an_end", "damaged"})
"""Kinds of faults in an identifier that the submitter may overrule (`Allowances`)."""


class ColumnLike(NamedTuple):
    """A column that was left out with all others whose names are not known, and the field that its name is like."""

    name: str
    field: str

    def __str__(self) -> str:
        return f'column "{self.name}" is left out, and its name is like {self.field}: say what it holds if it does'


@dataclass
class Noticed:
    """The context of a validation (`domain.requests`). It is filled while people are read."""

    allowed: Allowances = NONE
    undoubted: frozenset[str] = frozenset()
    """Those of DOUBTS that are not checked here, as where nothing is sent."""
    as_of: datetime | None = None
    """When they are read, by the ledger's clock: nobody can have asked later. None: only recording them checks it."""
    left_aside: Counter[str] = field(default_factory=Counter)
    """By field, how often it was empty."""
    file_lines: FileLines = field(default_factory=FileLines)
    left_out: list[str] = field(default_factory=list, repr=False)
    """Columns that were left out with all others whose names are not known."""
    columns_like: list[ColumnLike] = field(default_factory=list, repr=False)
    crowds: tuple[Crowd, ...] = ()
    """Known once all people are on record."""
    erased_before: ErasedBefore | None = None
    """Of an opt-in: who of it is on the suppression list. Known once it is on record."""

    def allow(self, places: Mapping[str, Sequence[str]]) -> None:
        """Accept these values in these fields, whatever they look like. Raises ValueError, which names no value."""
        self.allowed = allowances((place, value) for place, values in places.items() for value in values)

    def doubts(self, kind: str) -> bool:
        """Whether to report a fault of this kind at once. Where anything is allowed, `tasks.subjects` checks again by
        field and value."""
        return kind not in self.undoubted and not self.allowed

    def leave_aside(self, field: str) -> None:
        """Note an empty field. It says nothing where another identifier is given."""
        self.left_aside[field] += 1

    def warnings(self) -> list[str]:
        """What the submitter should check, one sentence each."""
        return [*map(str, self.columns_like), *self._about_people()]

    def _about_people(self) -> list[str]:
        left_aside = ", ".join(f"{name} ({count:,})" for name, count in sorted(self.left_aside.items()))
        said = [f"empty and left aside: {left_aside}"] if left_aside else []
        said += [str(crowd) for crowd in self.crowds]
        return [*said, str(self.erased_before)] if self.erased_before else said

    def summary(self) -> str | None:
        """The same with what was allowed, for the audit log; None where there is nothing."""
        said = [f"allowed as identifiers: {self.allowed.summary()}"] if self.allowed else []
        said += [f"columns left out, because their names are not known: {len(self.left_out)}"] if self.left_out else []
        return "; ".join(said + self._about_people()) or None
