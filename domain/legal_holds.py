"""Whose data a legal hold keeps."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from domain.outcomes import Reason
from domain.suppression import Identifiers, contradict


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold that has not ended. `until`: None where it lasts until it is released."""

    id: int
    reason: Reason
    until: datetime | None
    identifiers: Identifiers = field(repr=False)

    def keeps(self, person: Identifiers) -> bool:
        """Whether it is about this person: one identifier is equal, and none contradicts."""
        return not self.identifiers.isdisjoint(person) and not contradict(self.identifiers, person)


def longest(holds: Iterable[Hold], person: Identifiers) -> Hold | None:
    """Of the holds that keep a person's data the one that ends last, by what is known now; None where there is none."""
    keeping = [one for one in holds if one.keeps(person)]
    return max(keeping, key=lambda one: (one.until is None, one.until or _NEVER, -one.id), default=None)


_NEVER = datetime.max.replace(tzinfo=UTC)
