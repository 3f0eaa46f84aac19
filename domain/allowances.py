"""Identifiers that look like placeholders or like damaged ones, and that the submitter says are real."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

MOST = 100
"""How many values one submission may allow. More of them are no odd numbers of customers, but a broken export."""
LONGEST = 512


@dataclass(frozen=True)
class Allowances:
    """By field (`user_id`, `insider.identifiers.uuid`), the values that are accepted there whatever they look like."""

    values: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.values)

    def allows(self, place: str, value: object) -> bool:
        """Whether this value is accepted in this field. The prefix `vendors.` of a vendor's fields may be left out."""
        return str(value) in self.values.get(_field(place), frozenset())

    def summary(self) -> str:
        """The fields, and how many values each allows. Only this is kept."""
        return ", ".join(f"{place} ({len(values)})" for place, values in sorted(self.values.items()))


NONE = Allowances()


def allowances(given: Iterable[tuple[str, str]]) -> Allowances:
    """Build Allowances from fields and values. Raises ValueError, whose text names no value."""
    pairs = [(_field(place), value) for place, value in given]
    if len(pairs) > MOST:
        raise ValueError(f"more than {MOST} identifiers are allowed by name: mend the export instead")
    found: dict[str, frozenset[str]] = {}
    for place, value in pairs:
        if not value or len(value) > LONGEST:
            raise ValueError(f"an allowed identifier has 1 to {LONGEST} characters")
        found[place] = found.get(place, frozenset()) | {value}
    return Allowances(found)


def _field(place: str) -> str:
    return place.removeprefix("vendors.")
