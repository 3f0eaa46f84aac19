"""How periods are written, and when each ends."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.periods import LONGEST, Period, Unit
from tests.table_rows import each_row

MOMENTS = st.datetimes(
    datetime(1900, 1, 1),
    datetime(2990, 1, 1),
    timezones=st.timedeltas(timedelta(hours=-14), timedelta(hours=14)).map(
        lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
    ),
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@each_row(
    ("period", "begin", "end"),
    [
        ("1 month", "2026-05-04T08:00:00Z", "2026-06-04T08:00:00Z"),
        ("1 month", "2026-01-31T23:59:59.999999Z", "2026-02-28T23:59:59.999999Z"),
        ("1 month", "2028-01-31T12:00:00Z", "2028-02-29T12:00:00Z"),
        ("1 month", "2028-02-29T12:00:00Z", "2028-03-29T12:00:00Z"),
        ("12 months", "2028-02-29T12:00:00Z", "2029-02-28T12:00:00Z"),
        ("1 month", "2026-12-31T00:00:00Z", "2027-01-31T00:00:00Z"),
        ("2 months", "2026-12-31T00:00:00Z", "2027-02-28T00:00:00Z"),
        ("1 month", "2026-03-01T01:30:00+02:00", "2026-03-28T23:30:00Z"),  # 28 February in UTC
        ("45 days", "2026-02-27T10:00:00-08:00", "2026-04-13T18:00:00Z"),  # over the change to summer time
        ("30 days", "2028-02-20T00:00:00Z", "2028-03-21T00:00:00Z"),
        ("10 days", "2026-12-25T00:00:00Z", "2027-01-04T00:00:00Z"),
        ("15 working days", "2026-11-02T09:00:00Z", "2026-11-23T09:00:00Z"),  # Monday
        ("15 working days", "2026-11-06T09:00:00Z", "2026-11-27T09:00:00Z"),  # Friday
        ("15 working days", "2026-11-07T09:00:00Z", "2026-11-27T09:00:00Z"),  # Saturday
        ("15 working days", "2026-11-08T23:00:00Z", "2026-11-27T23:00:00Z"),  # Sunday
        ("1 working day", "2026-11-06T09:00:00Z", "2026-11-09T09:00:00Z"),
        ("1 working day", "2026-11-07T09:00:00Z", "2026-11-09T09:00:00Z"),
        ("4 working days", "2026-11-03T09:00:00Z", "2026-11-09T09:00:00Z"),
        ("15 working days", "2026-12-18T09:00:00Z", "2027-01-08T09:00:00Z"),  # holidays are counted
    ],
)
def test_a_period_ends(period: str, begin: str, end: str) -> None:
    assert Period.parse(period).after(at(begin)) == at(end)


@each_row("text", ["", "0 days", "1", "month", "1 year", "45days", "-1 days", "13 months", "367 days"])
def test_what_is_no_period(text: str) -> None:
    with pytest.raises(ValueError, match="a period is"):
        Period.parse(text)


@given(MOMENTS, st.integers(1, 261))
def test_working_days_are_those_counted_one_by_one(begin: datetime, days: int) -> None:
    day, counted = begin.astimezone(UTC), 0
    while counted < days:
        day += timedelta(days=1)
        counted += day.weekday() < 5
    assert Period(days, Unit.WORKING_DAYS).after(begin) == day


@given(MOMENTS, st.integers(1, 12))
def test_months_end_on_the_same_day_or_the_months_last(begin: datetime, months: int) -> None:
    begin, end = begin.astimezone(UTC), Period(months, Unit.MONTHS).after(begin)
    assert (end.year * 12 + end.month) - (begin.year * 12 + begin.month) == months
    assert end.timetz() == begin.timetz()
    assert end.day == begin.day or (end.day < begin.day and (end + timedelta(days=1)).day == 1)


@each_row("text", ["1 month", "2 months", "1 day", "45 days", "1 working day", "15 working days"])
def test_a_period_is_written_as_it_is_read(text: str) -> None:
    assert str(Period.parse(text)) == text


def test_what_is_wrong_with_a_period_is_told() -> None:
    with pytest.raises(ValueError, match=r"^a period is written as 1 month, 45 days or 15 working days$"):
        Period.parse("1 year")
    with pytest.raises(ValueError, match=r"^a period is 1 to 12 months$"):
        Period(13, Unit.MONTHS)
    with pytest.raises(ValueError, match=r"^a period is 1 to 366 days$"):
        Period(0, Unit.DAYS)
    assert [Period(most, unit).count for unit, most in LONGEST.items()] == [12, 366, 261]
