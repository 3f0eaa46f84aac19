"""What is kept with a dropped file, sealed like it: how its page says it is to be read, and what was found in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from pydantic import TypeAdapter

from intake.files.check import Check
from intake.files.header import shown_name
from intake.files.header_names import squashed
from intake.files.reading import HeaderCell

LEAVE_OUT = "-"
COLUMN = "column."
"""What the name of a column's field begins with; its place, from 1, follows."""
MOST_COLUMNS = 150
"""So many columns can be mapped one by one."""
HOW = ("kind", "region", "sheet", "map_as", "others")
"""Fields that say how to read the file, besides its columns."""
KEEP_AS = "keep_as"
"""The field with the name under which what is said of the columns is kept."""


@dataclass(frozen=True)
class State:
    """What is kept with a file. `given`: the fields of its page. `header`: its columns when it was last read. `check`:
    what was found, read as `given` says; None where it was not read so yet."""

    given: Mapping[str, str] = field(repr=False)
    header: Sequence[HeaderCell] = field(default=(), repr=False)
    check: Check | None = None

    def as_bytes(self) -> bytes:
        """To keep."""
        return STATE.dump_json(self)

    @property
    def columns(self) -> "list[Column]":
        """The columns that can be mapped."""
        return [
            Column(
                (field := f"{COLUMN}{place}"),
                shown_name(cell.name) or f"Column {place}",
                _as_read(cell) if self.check else self.given.get(field, _as_read(cell)),
            )
            for place, cell in enumerate(self.header[:MOST_COLUMNS], start=1)
            if squashed(cell.name)
        ]


class Column(NamedTuple):
    """A column as the page shows it: the name of its field, its own name, and what it holds; LEAVE_OUT, or "" where
    that is not said."""

    field: str
    name: str
    holds: str

    def __repr__(self) -> str:
        return f"Column({self.field}, {self.holds})"  # see HeaderCell


def _as_read(cell: HeaderCell) -> str:
    return LEAVE_OUT if cell.ignored else cell.field or ""


STATE: TypeAdapter[State] = TypeAdapter(State)


def told_anew(state: State, given: Mapping[str, str]) -> State:
    """The state after these fields were sent. What was found stays where the file is still to be read the same way."""
    how = {name: given[name] for name in HOW}
    columns = {one.field: given[one.field] for one in state.columns if one.field in given}
    same_file = all(how[name] == state.given.get(name, "") for name in ("sheet", "map_as"))
    same = (
        same_file
        and all(how[name] == state.given.get(name, "") for name in HOW)
        and all(one.holds == columns.get(one.field, one.holds) for one in state.columns)
    )
    rest = {name: text for name, text in given.items() if not name.startswith(COLUMN)}
    if same:
        return replace(state, given={**rest, **columns})
    # Another sheet has other columns, and another map says other things of them.
    return State({**rest, **columns}, state.header) if same_file else State(rest)
