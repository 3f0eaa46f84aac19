"""Moments as they are written, always in UTC."""

from datetime import UTC, datetime


def as_utc(moment: datetime) -> str:
    """ISO 8601, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_or_none(moment: datetime | None) -> str | None:
    """The same, where there is one."""
    return as_utc(moment) if moment else None


def for_people(moment: datetime) -> str:
    """To the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
