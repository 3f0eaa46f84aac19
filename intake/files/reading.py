"""One reading of one file: what was said of it, and what is noted on the way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from domain.noticed import Noticed
from intake.files.faults import Faults
from intake.files.hints import NO_HINTS, Hints


@dataclass(frozen=True)
class Bounds:
    """How large a file may become in reading. `text_bytes`: what comes out of a gzip file. `workbook_bytes`: a
    workbook, as it is and unpacked."""

    text_bytes: int = 4_000_000_000
    workbook_bytes: int = 250_000_000


BOUNDS = Bounds()


class HeaderCell(NamedTuple):
    """A column as the header names it. `field`: what it holds; None: it is not known, or left out (`ignored`)."""

    name: str
    field: str | None
    ignored: bool

    def __repr__(self) -> str:
        return f"HeaderCell({self.field})"  # in a file without a header the name is somebody's data


@dataclass
class Recognised:
    """What a file turned out to be. `parts`: its kind in words, the widest first. `columns`: by name in the header, the
    field. `ignored`: columns that were left out, as the header names them. `empty_rows`: of them at its end. `header`:
    all columns, in order. `sheets`: those of a workbook, by name, and `sheet` the one that is read."""

    parts: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    empty_rows: int = 0
    header: Sequence[HeaderCell] = ()
    sheets: Sequence[str] = ()
    sheet: str | None = None

    @property
    def kind(self) -> str:
        """The kind of file, in words: `CSV, separated by semicolons`."""
        return ", ".join(self.parts)


@dataclass(frozen=True)
class Reading:
    """What readers are given beside the file."""

    hints: Hints = NO_HINTS
    bounds: Bounds = BOUNDS
    noticed: Noticed = field(default_factory=Noticed)
    faults: Faults = field(default_factory=Faults)
    recognised: Recognised = field(default_factory=Recognised)
