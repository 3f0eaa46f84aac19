"""Signs that many people of one request may be one person, or nobody. The submitter is given numbers only."""

from collections.abc import Iterable
from typing import NamedTuple

from domain.counted import counted, counted_people

MANY_SHARE = 5
"""Report a value from this many people with one e-mail address or phone number. Most families are smaller."""
ONE_IN = 2_000
"""Of many people, report from one in so many."""
MANY_REPEAT = 3
"""Report from this many identical lines. A person listed twice is usual."""


class Crowd(NamedTuple):
    """Values that many people share. The values themselves are never reported."""

    shared: str
    """`email` or `phone_number` that people share, or `line` where whole lines say the same."""
    values: int
    """The number of such values."""
    people: int
    """The number of people, or lines, with one of these values."""
    most: int
    """The number of people with the most common of them."""

    def __str__(self) -> str:
        if self.shared == "line":
            whom = counted_people(self.values)
            return (
                f"{counted(self.people, 'line')} collapse into {whom}, the most into one: {self.most:,}; "
                "see whether what told them apart was lost"
            )
        what = ("e-mail address", "e-mail addresses") if self.shared == "email" else ("phone number", "phone numbers")
        return (
            f"{counted_people(self.people)} share {counted(self.values, *what)}, the most share one: {self.most:,}; "
            "see whether these are really theirs"
        )


def many_share(people: int) -> int:
    """The number of people with one address or number that is reported, for so many people in all."""
    return max(MANY_SHARE, people // ONE_IN)


def crowd_of(shared: str, counts: Iterable[int]) -> Crowd | None:
    """The crowd among these counts of people by value; None where there is none."""
    least = MANY_REPEAT if shared == "line" else MANY_SHARE
    many = [count for count in counts if count >= least]
    return Crowd(shared, len(many), sum(many), max(many)) if many else None
