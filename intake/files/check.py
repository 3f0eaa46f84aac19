"""What would come of submitting a file: said before anything is recorded."""

from array import array
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Any

from domain.deadlines import AskedInRows
from domain.masking import masked
from domain.past_erasures import MOST_LINES, ErasedBefore
from domain.reach import Fields, Headcount, Reach
from domain.requests import Subject
from domain.suppression import Identifiers
from intake.files.encodings import Source
from intake.files.faults import Fault
from intake.files.people import People
from intake.files.reader import read_blocks
from intake.files.reading import HeaderCell, Reading
from ledger.people.prints import Prints
from tasks.dated_people import undated
from tasks.known_accounts import account_faults
from tasks.unreachable import what_to_give

SAMPLE = 3
PARTS = 256
LOOKED_UP = 100_000
"""People of a file who are looked up on the suppression list, the first ones: each takes some 50 microseconds."""
LOOKED_UP_AT_ONCE = 1_000

AreErased = Callable[[Sequence[Identifiers]], Sequence[bool]]
"""Says of each of at most LOOKED_UP_AT_ONCE people whether they are on the suppression list."""


@dataclass(frozen=True)
class VendorReach:
    """How many of the people a vendor can be asked about. `give`: what would reach the others, in a few words."""

    reachable: int
    unreachable: int
    give: str


@dataclass(frozen=True)
class Check:
    """What a file is, and what would come of submitting it. Holds no identifier but masked ones.

    `kind`: of file, in words. `columns`: by name in the header, the field; `ignored`: names of those left out.
    `region`: whose phone numbers those in national form are. `people`: who would be in the request; those with
    faults do not count. `repeats`: lines that say the same as one before. `empty_rows`: at the end of the table,
    left out. `vendors`: by name. `faults`: the first of `faults_total`. `sample`: the first people, by field.
    `warnings`: what was left aside, a sentence each. `header`: all columns of a table, in order; `sheets`: those of a
    workbook, by name, and `sheet` the one that was read. `erased_before`: who is on the suppression list; None where
    nobody is, or that was not looked up; `erased_unknown`: how many were not looked up, as they were too many.
    """

    kind: str
    columns: Mapping[str, str]
    ignored: Sequence[str]
    region: str | None
    people: int
    repeats: int
    empty_rows: int
    vendors: Mapping[str, VendorReach]
    faults: Sequence[Fault]
    faults_total: int
    sample: Sequence[Mapping[str, str]] = field(repr=False)
    warnings: Sequence[str] = ()
    header: Sequence[HeaderCell] = ()
    sheets: Sequence[str] = ()
    sheet: str | None = None
    erased_before: ErasedBefore | None = None
    erased_unknown: int = 0

    @property
    def unreachable(self) -> dict[str, int]:
        """By vendor, how many cannot be found there; without vendors that find all."""
        return {name: one.unreachable for name, one in self.vendors.items() if one.unreachable}


def check(
    file: Source,
    reading: Reading,
    reach: Mapping[str, Fields],
    prints: Prints,
    accounts: Collection[str],
    *,
    are_erased: AreErased | None = None,
) -> Check:
    """Read a file to its end, and record nothing.

    `reach`: by vendor that the request would go to, the fields by which it finds a person. `accounts`: the vendors and
    accounts that blocks of people may name. `are_erased`: looks up the suppression list; None: that is not known here.
    Takes 24 bytes a person. Raises OSError where the file cannot be read, and what `are_erased` raises.
    """
    headcount, seen, erased = Headcount(Reach(reach)), _Repeats(), _Erased(are_erased)
    sample: list[dict[str, str]] = []
    people = undated(_subjects(read_blocks(file, reading)), AskedInRows())
    for subject in headcount.passing(people):
        if len(sample) < SAMPLE:
            sample.append(dict(_masked(subject)))
        seen.add(prints.whole(subject))
        if erased.wanted:
            erased.add(prints.every(subject))
        if subject.get("vendors") and (wrong := account_faults(subject, accounts)):
            reading.faults.add_all(reading.noticed.file_lines.of(seen.count) or 0, wrong)
    repeats = seen.lines()
    distinct = seen.count - len(repeats)
    unreachable = headcount.without(repeats)
    vendors = {
        name: VendorReach(distinct - (missing := unreachable.get(name, 0)), missing, what_to_give(name, reach[name]))
        for name in sorted(reach)
    }
    recognised, faults = reading.recognised, reading.faults
    return Check(
        kind=recognised.kind,
        columns=recognised.columns,
        ignored=recognised.ignored,
        region=reading.hints.region,
        people=distinct,
        repeats=len(repeats),
        empty_rows=recognised.empty_rows,
        vendors=vendors,
        faults=tuple(faults.kept),
        faults_total=faults.total,
        sample=sample,
        warnings=reading.noticed.warnings(),
        header=recognised.header,
        sheets=recognised.sheets,
        sheet=recognised.sheet,
        erased_before=erased.without(repeats),
        erased_unknown=max(0, seen.count - LOOKED_UP) if are_erased is not None else 0,
    )


def _subjects(blocks: Iterator[People]) -> Iterator[Subject]:
    return chain.from_iterable(people.subjects for people in blocks)


def _masked(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in record.items():
        place = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _masked(value, f"{place}.")
        elif value is not None:
            yield place, masked(place, str(value))


class _Repeats:
    """Which lines say what an earlier one says, by the first half of their prints."""

    def __init__(self) -> None:
        self._prints = array("Q")

    @property
    def count(self) -> int:
        """Lines so far."""
        return len(self._prints)

    def add(self, whole: bytes) -> None:
        """The print of one more line."""
        self._prints.append(int.from_bytes(whole[:8]))

    def lines(self) -> list[int]:
        """The lines, from 1, that repeat an earlier one."""
        parts: list[array[int]] = [array("Q") for _ in range(PARTS)]
        for one in self._prints:
            parts[one % PARTS].append(one)
        twice: set[int] = set()
        for part in parts:
            ordered = sorted(part)
            twice.update(one for one, following in pairwise(ordered) if one == following)
        met: set[int] = set()
        repeats = []
        for line, one in enumerate(self._prints, start=1):
            if one in twice:
                if one in met:
                    repeats.append(line)
                met.add(one)
        return repeats


class _Erased:
    """Which lines are on the suppression list, as far as they are looked up."""

    def __init__(self, are_erased: AreErased | None) -> None:
        self._are_erased = are_erased
        self._waiting: list[Identifiers] = []
        self._looked_up = 0
        self._lines: list[int] = []

    @property
    def wanted(self) -> bool:
        """Whether the next line is looked up."""
        return self._are_erased is not None and self._looked_up + len(self._waiting) < LOOKED_UP

    def add(self, identifiers: Identifiers) -> None:
        """The identifiers of one more line."""
        self._waiting.append(identifiers)
        if len(self._waiting) == LOOKED_UP_AT_ONCE:
            self._look_up()

    def _look_up(self) -> None:
        if self._are_erased is not None and self._waiting:
            found = self._are_erased(self._waiting)
            self._lines += [line for line, erased in enumerate(found, start=self._looked_up + 1) if erased]
        self._looked_up += len(self._waiting)
        self._waiting = []

    def without(self, repeats: Collection[int]) -> ErasedBefore | None:
        """Those found, but for lines that repeat an earlier one; None where nobody was."""
        self._look_up()
        left_out = frozenset(repeats)
        lines = [line for line in self._lines if line not in left_out]
        return ErasedBefore(len(lines), tuple(lines[:MOST_LINES])) if lines else None
