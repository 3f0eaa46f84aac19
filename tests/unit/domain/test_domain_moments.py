"""Times as producers write them: which are taken, what they become, and what is said of others."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from domain.moments import (
    FAR,
    NO_DAY_OR_MOMENT,
    NO_MOMENT,
    Day,
    GivenDayOrMoment,
    GivenMoment,
    WrittenMoment,
    as_written,
    begin_of,
    end_of,
    in_utc,
    possible_from,
    read_day_or_moment,
    read_moment,
)
from tests.table_rows import each_row

NOON = datetime(2026, 5, 25, 12, tzinfo=UTC)
WEST = timezone(timedelta(hours=-7))
DAY = Day(2026, 5, 25, tzinfo=UTC)
FURTHEST = timezone(timedelta(hours=23))


def read(shape: Any, given: object) -> tuple[str, str] | datetime:
    """As pydantic reads it: the value, or the type and words of what is wrong."""
    try:
        return TypeAdapter(shape).validate_python(given)
    except ValidationError as refused:
        (wrong,) = refused.errors(include_input=False, include_url=False)
        return wrong["type"], wrong["msg"]


@each_row(
    ("given", "moment"),
    [
        ("2026-05-25T12:00:00Z", NOON),
        ("2026-05-25T12:00Z", NOON),
        ("2026-05-25t12:00:00.000z", NOON),
        ("2026-05-25T05:00:00-07:00", NOON),
        ("2026-05-25T05:00-0700", NOON),
        (NOON.astimezone(WEST), NOON),
        *((text, ("moment", NO_MOMENT)) for text in ("", "noon", "2026-05-25", "2026-05-25T12:00:00", "1779710400")),
        *((value, ("moment", NO_MOMENT)) for value in (1_779_710_400, 1.5, None, b"2026-05-25T12:00:00Z")),
    ],
)
def test_a_moment_is_a_text_with_its_zone(given: object, moment: object) -> None:
    assert read(WrittenMoment, given) == moment
    assert read(GivenMoment, given) == moment
    if isinstance(moment, datetime):
        assert read(GivenDayOrMoment, given) == moment


@each_row(
    ("given", "moment"),
    [
        ("1900-01-01T00:00:00Z", datetime(1900, 1, 1, tzinfo=UTC)),
        ("1899-12-31T23:59:59Z", ("far_moment", FAR)),
        ("2999-12-31T23:59:59Z", datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("3000-01-01T00:00:00Z", ("far_moment", FAR)),
        ("0001-01-01T00:00:00+07:00", ("far_moment", FAR)),
    ],
)
def test_what_lies_too_far_away_is_a_mistake(given: str, moment: object) -> None:
    assert read(GivenMoment, given) == read(GivenDayOrMoment, given) == moment


@each_row("given", ["2026-02-30", "2026-5-25", "25.05.2026", "", 20_260_525, None, "2026-05-25T12:00"])
def test_what_is_neither_a_day_nor_a_moment(given: object) -> None:
    assert read(GivenDayOrMoment, given) == ("moment", NO_DAY_OR_MOMENT)


def test_a_day_is_one_without_a_time() -> None:
    for found in (read(GivenDayOrMoment, "2026-05-25"), read_day_or_moment("2026-05-25")):
        assert isinstance(found, Day)
        assert found == DAY
    assert not isinstance(read_day_or_moment("2026-05-25T00:00:00Z"), Day)
    assert (begin_of(DAY), end_of(DAY)) == (
        datetime(2026, 5, 25, tzinfo=UTC),
        datetime(2026, 5, 25, 23, 59, 59, 999_999, UTC),
    )
    assert not isinstance(begin_of(DAY), Day)
    assert begin_of(NOON) == end_of(NOON) == NOON
    assert possible_from(DAY) == datetime(2026, 5, 24, 10, tzinfo=UTC)
    assert possible_from(NOON) == NOON - timedelta(minutes=5)
    assert as_written(DAY).isoformat() == "2026-05-25"
    assert as_written(NOON.astimezone(WEST)).isoformat() == "2026-05-25T12:00:00+00:00"


@each_row("given", ["", "noon", "2026-05-25T12:00:00", "2026-02-30T12:00:00Z"])
def test_a_text_that_cannot_be_read_is_not_quoted(given: str) -> None:
    with pytest.raises(ValueError, match=r"^must be a moment") as told:
        read_moment(given)
    assert str(told.value) == NO_MOMENT
    with pytest.raises(ValueError, match=r"^must be a moment") as told:
        read_day_or_moment(given)
    assert str(told.value) == NO_DAY_OR_MOMENT


def test_the_zone_is_utc_from_then_on() -> None:
    assert read_moment("2026-05-25T05:00:00-07:00").tzinfo is UTC
    assert in_utc(NOON.astimezone(FURTHEST)).tzinfo is UTC
    assert in_utc(DAY) is DAY
    with pytest.raises(ValueError, match="between the years"):
        in_utc(datetime.min.replace(tzinfo=FURTHEST))
