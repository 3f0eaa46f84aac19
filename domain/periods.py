"""Lengths of time as laws write them, and when each ends."""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Self


class Unit(StrEnum):
    """What a period is counted in."""

    MONTHS = "months"
    DAYS = "days"
    WORKING_DAYS = "working days"


LONGEST = MappingProxyType({Unit.MONTHS: 12, Unit.DAYS: 366, Unit.WORKING_DAYS: 261})
"""A longer period is taken for a mistake."""
_WRITTEN = re.compile(r"([1-9][0-9]{0,2}) (month|day|working day)s?")
_SATURDAY = 5


@dataclass(frozen=True)
class Period:
    """A number of months, days or working days."""

    count: int
    unit: Unit

    def __post_init__(self) -> None:
        if not 1 <= self.count <= LONGEST[self.unit]:
            raise ValueError(f"a period is 1 to {LONGEST[self.unit]} {self.unit}")

    def __str__(self) -> str:
        return f"{self.count} {self.unit if self.count > 1 else self.unit.removesuffix('s')}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `1 month`, `45 days` or `15 working days`. Raises ValueError."""
        written = _WRITTEN.fullmatch(text)
        if written is None:
            raise ValueError("a period is written as 1 month, 45 days or 15 working days")
        return cls(int(written[1]), Unit(f"{written[2]}s"))

    def after(self, moment: datetime) -> datetime:
        """The end of a period that begins at this moment, at the same time of day, counted in UTC.

        A month ends on the same day of a later month, or on that month's last day where it has no such day. Working
        days are Monday to Friday. Holidays count as working days: the end is then earlier than the law's, never later.
        """
        begin = moment.astimezone(UTC)
        match self.unit:
            case Unit.MONTHS:
                return _months_after(begin, self.count)
            case Unit.DAYS:
                return begin + timedelta(days=self.count)
            case Unit.WORKING_DAYS:
                return _working_days_after(begin, self.count)


def _months_after(begin: datetime, months: int) -> datetime:
    years, month = divmod(begin.month - 1 + months, 12)
    year = begin.year + years
    day = min(begin.day, calendar.monthrange(year, month + 1)[1])
    return begin.replace(year=year, month=month + 1, day=day)


def _working_days_after(begin: datetime, days: int) -> datetime:
    # The period begins with the working day after `begin`. If `begin` is a Saturday or Sunday, count from the Friday
    # before.
    friday_or_before = begin - timedelta(days=max(0, begin.weekday() - _SATURDAY + 1))
    weeks, rest = divmod(days, _SATURDAY)
    over_weekend = 2 if friday_or_before.weekday() + rest >= _SATURDAY else 0
    return friday_or_before + timedelta(weeks=weeks, days=rest + over_weekend)
