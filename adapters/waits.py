"""How long a vendor asks us to wait, from the headers that are used for it in practice."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

LONGEST_WAIT_S = 3600.0
"""A longer wait is cut to this: a mistyped header must not stop people for days."""

UNREAD_WAIT_S = 30.0
"""The wait where a vendor's header cannot be read: half of the minute that the vendors' limits span."""

TELLING = (
    "retry-after",  # RFC 9110 10.2.3
    "retry-after-ms",
    "x-ms-retry-after-ms",
    "ratelimit",  # draft-ietf-httpapi-ratelimit-headers, from 07 on
    "ratelimit-reset",  # the same draft, up to 06
    "x-ratelimit-reset-after",
    "x-ratelimit-reset",
    "x-rate-limit-reset",
)
"""The headers that say how long to wait. The first readable one counts; of its values the longest."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_AMOUNT = (
    r"(\d+(?:\.\d*)?|\.\d+)\s*"
    r"(ms|milli(?:second)?s?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)(?![a-z])T?\s*"
)
_AMOUNTS = re.compile(rf"(?:PT?)?(?:{_AMOUNT})+", re.ASCII | re.IGNORECASE)
"""`30s`, `6m0s` as Go writes it, `PT1M30S` as ISO 8601 does."""
_ONE_AMOUNT = re.compile(_AMOUNT, re.ASCII | re.IGNORECASE)
_BETWEEN_VALUES = re.compile(r"(?<!mon|tue|wed|thu|fri|sat|sun|day),", re.IGNORECASE)
"""A comma, except the one after the name of a day, which is part of a date."""
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')

_EPOCHS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (1e9, 1.0))
"""From which number on it counts nano-, micro-, milliseconds or seconds since 1970, and how many make a second."""


def retry_after_s(response: httpx.Response, now: datetime) -> float:
    """How many seconds the vendor asks us to wait, LONGEST_WAIT_S at most; 0.0 where it asks for none, and
    UNREAD_WAIT_S where its headers cannot be read."""
    asked = False
    for name in TELLING:
        told = ",".join(response.headers.get_list(name)).strip()
        waits = _resets(told) if name == "ratelimit" else _values(told, now)
        if waits:
            longest = max(waits) * (0.001 if name.endswith("-ms") else 1.0)
            return min(max(longest, 0.0), LONGEST_WAIT_S)
        asked = asked or bool(told)
    return UNREAD_WAIT_S if asked else 0.0


def _values(told: str, now: datetime) -> list[float]:
    read = (_seconds(value, now) for value in _BETWEEN_VALUES.split(told))
    return [wait for wait in read if wait is not None]


def _seconds(text: str, now: datetime) -> float | None:
    """What one value says: a number of seconds, an epoch, an amount with its unit, or a date. None: none of these."""
    text = text.partition(";")[0].strip().strip("\"'").strip()
    if _NUMBER.fullmatch(text):
        return _since(float(text), now)
    if _AMOUNTS.fullmatch(text):
        return sum(float(amount) * _UNITS[_unit(unit)] for amount, unit in _ONE_AMOUNT.findall(text))
    until = _date(text)
    return None if until is None else (until - now).total_seconds()


def _since(number: float, now: datetime) -> float:
    for least, a_second in _EPOCHS:
        if number >= least:
            return number / a_second - now.timestamp()
    return number


def _unit(written: str) -> str:
    written = written.lower()
    return "ms" if written.startswith(("ms", "milli")) else written[0]


def _date(text: str) -> datetime | None:
    """A date in one of the three forms of RFC 9110 5.6.7, or of ISO 8601; without a zone it is taken as UTC."""
    try:
        until = datetime.fromisoformat(text) if text[:4].isdigit() else parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # OverflowError: a field of twenty digits
        return None
    return until if until.tzinfo else until.replace(tzinfo=UTC)


def _resets(told: str) -> list[float]:
    """The resets of a `RateLimit` field: `"name";r=0;t=30` for each policy, or `limit=9, remaining=0, reset=30`.

    Of several policies, those with the least left count: one with plenty left is not why we were refused.
    """
    policies = [
        {key.strip().lower(): value.strip() for key, _, value in (pair.partition("=") for pair in item.split(";"))}
        for item in _QUOTED.sub("", told).split(",")
    ]
    left, reset = "r", "t"
    if any("reset" in policy for policy in policies):
        policies = [{key: value for policy in policies for key, value in policy.items()}]
        left, reset = "remaining", "reset"
    resets = [(_plain(policy.get(left)), _plain(policy.get(reset))) for policy in policies]
    least = min((remaining or 0.0 for remaining, wait in resets if wait is not None), default=0.0)
    return [wait for remaining, wait in resets if wait is not None and (remaining or 0.0) == least]


def _plain(text: str | None) -> float | None:
    return float(text) if text is not None and _NUMBER.fullmatch(text) else None
