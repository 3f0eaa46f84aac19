"""Who of a new request was erased before."""

from collections.abc import Iterable
from typing import NamedTuple

from domain.counted import counted

MOST_LINES = 20
"""How many lines a warning names."""


class ErasedBefore(NamedTuple):
    """People of a new request who are on the list: how many, and the first of their lines. These count people: in a
    file with a header or empty lines an editor shows others."""

    people: int
    lines: tuple[int, ...]

    @classmethod
    def of(cls, lines: Iterable[int]) -> "ErasedBefore | None":
        """Of all their lines, in order; None where there are none."""
        count, first = 0, []
        for line in lines:
            count += 1
            if count <= MOST_LINES:
                first.append(line)
        return cls(count, tuple(first)) if count else None

    def __str__(self) -> str:
        who = counted(self.people, "person was", "people were")
        more = ", …" if self.people > len(self.lines) else ""
        named = f"line{'s' if self.people > 1 else ''} {', '.join(map(str, self.lines))}{more}"
        return f"{who} erased before: {named}; `consent suppression check` names the line of the file too"
