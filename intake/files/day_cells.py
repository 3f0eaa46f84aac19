"""Days as spreadsheets write them, in ISO 8601."""

import re

_DAY_FIRST = re.compile(r"(?P<day>\d{1,2})\. ?(?P<month>\d{1,2})\. ?(?P<year>\d{4})", re.ASCII)
"""As in German and Turkish. With strokes the month may be first, so such a day is left as it is, and refused."""
_YEAR_FIRST = re.compile(r"(?P<year>\d{4})(?P<mark>[./]) ?(?P<month>\d{1,2})(?P=mark) ?(?P<day>\d{1,2})\.?", re.ASCII)
"""As in Korean; with strokes too, since nobody writes the day in the middle."""


def as_iso_day(written: str) -> str:
    """The same day in ISO 8601 where there is one way to read it; else the text as it is."""
    found = _DAY_FIRST.fullmatch(written.strip()) or _YEAR_FIRST.fullmatch(written.strip())
    return f"{found['year']}-{int(found['month']):02}-{int(found['day']):02}" if found else written
