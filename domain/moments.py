"""Moments as producers write them: ISO 8601, as text, with a time zone."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator
from pydantic_core import PydanticCustomError

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
"""What lies beyond is a mistake, and near the ends of the calendar another time zone has no name for it."""
CLOCKS_DIFFER = timedelta(minutes=5)
"""A moment of the past may seem to lie ahead of our clock by no more than this. It counts as now."""

_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)", re.ASCII | re.IGNORECASE)


def _refuse_numbers(given: object) -> object:
    # Pydantic takes a number for seconds since 1970, and a large one for milliseconds.
    if not isinstance(given, datetime) and not (isinstance(given, str) and _FORM.fullmatch(given)):
        raise PydanticCustomError(
            "moment", "must be a moment in ISO 8601 with its time zone, as in 2026-05-25T00:00:00Z"
        )
    return given


def _refuse_far(moment: datetime) -> datetime:
    if not EARLIEST <= moment < LATEST:
        raise PydanticCustomError("far_moment", "must lie between the years 1900 and 3000")
    return moment


WrittenMoment = Annotated[AwareDatetime, BeforeValidator(_refuse_numbers)]
"""A moment in ISO 8601, as text, with its time zone."""
GivenMoment = Annotated[WrittenMoment, AfterValidator(_refuse_far)]
"""One that is kept: it can be told again in any time zone."""
