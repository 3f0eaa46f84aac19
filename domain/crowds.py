"""Many people of one request who are perhaps one, or nobody: told in numbers to whoever submits them."""

from collections.abc import Iterable
from typing import NamedTuple

MANY_SHARE = 5
"""So many people with one e-mail address or phone number are told of: most families are smaller."""
ONE_IN = 2_000
"""Of many people, one in so many."""
MANY_REPEAT = 3
"""So many lines that say the same are told of: a person who stands there twice is usual."""


class Crowd(NamedTuple):
    """Values that many share; the values themselves are told nowhere."""

    shared: str
    """`email` or `phone_number` that people share, or `line` where whole lines say the same."""
    values: int
    """Of how many values this is so."""
    people: int
    """How many people, or lines, have one of these."""
    most: int
    """How many have the commonest of them."""

    def __str__(self) -> str:
        if self.shared == "line":
            return (
                f"{self.people:,} lines collapse into {self.values:,} people, the most into one: {self.most:,}; "
                "see whether what told them apart was lost"
            )
        what = "e-mail addresses" if self.shared == "email" else "phone numbers"
        return (
            f"{self.people:,} people share {self.values:,} {what}, the most share one: {self.most:,}; "
            "see whether these are really theirs"
        )


def many_share(people: int) -> int:
    """How many of so many people are many with one address or number."""
    return max(MANY_SHARE, people // ONE_IN)


def crowd_of(shared: str, counts: Iterable[int]) -> Crowd | None:
    """The crowd among these numbers of people a value; None where there is none."""
    least = MANY_REPEAT if shared == "line" else MANY_SHARE
    many = [count for count in counts if count >= least]
    return Crowd(shared, len(many), sum(many), max(many)) if many else None
