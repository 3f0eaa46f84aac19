"""Moments as producers write them: ISO 8601, as text, with a time zone; and days without a time."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator
from pydantic_core import PydanticCustomError

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
"""What lies beyond is a mistake, and near the ends of the calendar another time zone has no name for it."""
CLOCKS_DIFFER = timedelta(minutes=5)
"""A moment of the past may seem to lie ahead of our clock by no more than this. It counts as now."""

_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)", re.ASCII | re.IGNORECASE)


_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
EXAMPLE = "2026-05-25T00:00:00Z"
NO_MOMENT = f"must be a moment in ISO 8601 with its time zone, as in {EXAMPLE}"
NO_DAY_OR_MOMENT = f"{NO_MOMENT}, or a day, as in {EXAMPLE[:10]}"
_FIRST_ZONE = timedelta(hours=14)
"""A day begins somewhere on earth so long before it does in UTC."""


class Day(datetime):
    """A day of which nobody wrote the time: the moment at which it begins in UTC. The last one it may mean is
    `end_of` it. So what counts from it is due as early as can be, and a withdrawal on it is newer than what else was
    wished on that day."""


def begin_of(moment: datetime) -> datetime:
    """The first moment that is meant."""
    return datetime.combine(moment.date(), time.min, UTC) if isinstance(moment, Day) else moment


def end_of(moment: datetime) -> datetime:
    """The last moment that is meant."""
    return datetime.combine(moment.date(), time.max, UTC) if isinstance(moment, Day) else moment


def possible_from(moment: datetime) -> datetime:
    """From when on, by our clock, it may have been: another clock is ahead of ours, or another time zone."""
    return begin_of(moment) - (_FIRST_ZONE if isinstance(moment, Day) else CLOCKS_DIFFER)


def as_written(moment: datetime) -> datetime | date:
    """What tells one from every other: a day from the moment at which it begins."""
    return moment.date() if isinstance(moment, Day) else moment.astimezone(UTC)


def read_day_or_moment(given: str) -> datetime:
    """A moment or a Day from text. Raises ValueError, which quotes nothing."""
    try:
        if _DAY.fullmatch(given):
            return Day.combine(date.fromisoformat(given), time.min, UTC)
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise ValueError(NO_DAY_OR_MOMENT) from None
    if moment.utcoffset() is None:
        raise ValueError(NO_DAY_OR_MOMENT)
    return moment


def _refuse_numbers(given: object) -> object:
    # Pydantic takes a number for seconds since 1970, and a large one for milliseconds.
    if not isinstance(given, datetime) and not (isinstance(given, str) and _FORM.fullmatch(given)):
        raise PydanticCustomError("moment", NO_MOMENT)
    return given


def _read_day(given: object) -> object:
    if isinstance(given, datetime) or (isinstance(given, str) and _FORM.fullmatch(given)):
        return given
    try:
        if isinstance(given, str) and _DAY.fullmatch(given):
            return read_day_or_moment(given)
    except ValueError:  # there is no such day
        pass
    raise PydanticCustomError("moment", NO_DAY_OR_MOMENT)


def _refuse_far(moment: datetime) -> datetime:
    if not EARLIEST <= moment < LATEST:
        raise PydanticCustomError("far_moment", "must lie between the years 1900 and 3000")
    return moment


WrittenMoment = Annotated[AwareDatetime, BeforeValidator(_refuse_numbers)]
"""A moment in ISO 8601, as text, with its time zone."""
GivenMoment = Annotated[WrittenMoment, AfterValidator(_refuse_far)]
"""One that is kept: it can be told again in any time zone."""
GivenDayOrMoment = Annotated[AwareDatetime, BeforeValidator(_read_day), AfterValidator(_refuse_far)]
"""One of the past, of which a Day may be all that is known."""
