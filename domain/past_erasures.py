"""Who of a new request was erased before."""

from typing import NamedTuple

from domain.counted import counted

MOST_LINES = 20
"""How many lines a warning names."""


class ErasedBefore(NamedTuple):
    """People of a new request who are on the list: how many, and the first of their lines. These count people: in a
    file with a header or empty lines an editor shows others."""

    people: int
    lines: tuple[int, ...]

    def __str__(self) -> str:
        who = counted(self.people, "person was", "people were")
        more = ", …" if self.people > len(self.lines) else ""
        named = f"line{'s' if self.people > 1 else ''} {', '.join(map(str, self.lines))}{more}"
        return f"{who} erased before: {named}; `consent suppression check` names the line of the file too"
