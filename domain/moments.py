"""Times as producers write them: ISO 8601 text with a time zone, or a day without a time."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator
from pydantic_core import PydanticCustomError

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
"""A year outside this range is a mistake. Near the ends of the calendar, a time zone could shift a time out of it."""
CLOCKS_DIFFER = timedelta(minutes=5)
"""How far a time in the past may be ahead of our clock. It then counts as now."""

_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)", re.ASCII | re.IGNORECASE)


_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
EXAMPLE = "2026-05-25T00:00:00Z"
NO_MOMENT = f"must be a moment in ISO 8601 with its time zone, as in {EXAMPLE}"
FAR = "must lie between the years 1900 and 3000"
NO_DAY_OR_MOMENT = f"{NO_MOMENT}, or a day, as in {EXAMPLE[:10]}"
_FIRST_ZONE = timedelta(hours=14)
"""How long a day begins in the easternmost time zone before it begins in UTC."""


class Day(datetime):
    """A day without a time: the time at which it begins in UTC. `end_of` it is the latest time that may be meant.
    Periods count from the beginning, so that requests are due early. A withdrawal counts from the end, so that it is
    newer than other wishes of that day."""


def begin_of(moment: datetime) -> datetime:
    """The earliest time that may be meant."""
    return datetime.combine(moment.date(), time.min, UTC) if isinstance(moment, Day) else moment


def end_of(moment: datetime) -> datetime:
    """The latest time that may be meant."""
    return datetime.combine(moment.date(), time.max, UTC) if isinstance(moment, Day) else moment


def possible_from(moment: datetime) -> datetime:
    """The earliest time by our clock: the producer's clock may be ahead, or the day may be in another time zone."""
    return begin_of(moment) - (_FIRST_ZONE if isinstance(moment, Day) else CLOCKS_DIFFER)


def as_written(moment: datetime) -> datetime | date:
    """A text that tells it from every other; a day differs from the time at which it begins."""
    return moment.date() if isinstance(moment, Day) else moment.astimezone(UTC)


def read_day_or_moment(given: str) -> datetime:
    """Read a time or a Day from text. Raises ValueError, which quotes nothing."""
    try:
        if _DAY.fullmatch(given):
            return Day.combine(date.fromisoformat(given), time.min, UTC)
        return read_moment(given)
    except ValueError:
        raise ValueError(NO_DAY_OR_MOMENT) from None


def read_moment(given: str) -> datetime:
    """Read a time from text. Raises ValueError, which quotes nothing."""
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise ValueError(NO_MOMENT) from None
    if moment.utcoffset() is None:
        raise ValueError(NO_MOMENT)
    return in_utc(moment)


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC, since PostgreSQL refuses zones of sixteen hours and more. Raises ValueError where it lies
    outside of the calendar."""
    if isinstance(moment, Day):
        return moment
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("far_moment", FAR) from None


def _refuse_numbers(given: object) -> object:
    # Pydantic would read a number as seconds since 1970, and a large one as milliseconds.
    if not isinstance(given, datetime) and not (isinstance(given, str) and _FORM.fullmatch(given)):
        raise PydanticCustomError("moment", NO_MOMENT)
    return given


def _read_day(given: object) -> object:
    if isinstance(given, datetime) or (isinstance(given, str) and _FORM.fullmatch(given)):
        return given
    try:
        if isinstance(given, str) and _DAY.fullmatch(given):
            return read_day_or_moment(given)
    except ValueError:  # no such day
        pass
    raise PydanticCustomError("moment", NO_DAY_OR_MOMENT)


def refuse_far(moment: datetime) -> datetime:
    """The same moment. Raises ValueError where it cannot be stored."""
    if not EARLIEST <= moment < LATEST:
        raise PydanticCustomError("far_moment", FAR)
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(in_utc)]
"""A time, in UTC."""
WrittenMoment = Annotated[Moment, BeforeValidator(_refuse_numbers)]
"""A time as ISO 8601 text with its time zone."""
GivenMoment = Annotated[WrittenMoment, AfterValidator(refuse_far)]
"""A time that is stored: it can be converted to any time zone."""
GivenDayOrMoment = Annotated[Moment, BeforeValidator(_read_day), AfterValidator(refuse_far)]
"""A time in the past. It may be a Day."""
