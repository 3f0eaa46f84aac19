"""Who can be found at a vendor: decided by which fields of a person are given, not by their values."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Literal, cast

from domain.blocks import in_blocks
from domain.counted import counted
from domain.requests import Subject

Fields = Sequence[str]
"""Fields of a person (`user_id`, `vendors.algonomy.user_id`), any of which is enough to find them at one vendor."""
Given = tuple[str, ...]
"""The given fields of a person that matter here."""
DEEPEST = 4
"""How many dots of a field lead into a block. Further dots belong to a name
(`vendors.insider.identifiers.custom.shop.id`)."""
OWN: tuple[Literal["user_id"], Literal["email"], Literal["phone_number"]] = ("user_id", "email", "phone_number")


def is_found(subject: Subject, fields: Fields) -> bool:
    """Whether one of these fields is given of this person."""
    return any(_value_at(subject, field) for field in fields)


def _value_at(subject: Subject, field: str) -> object:
    value: Any = subject
    for name in field.split(".", DEEPEST):
        value = value.get(name) if isinstance(value, dict) else None
    return value


Block = Mapping[str, Any]
"""The vendor's identifiers of a person."""


def completed(
    subject: Subject,
    more: Subject,
    keep_out: Iterable[str] = (),
    fits: Callable[[str, Block], bool] = lambda vendor, block: True,
) -> Subject:
    """A person with additional identifiers. What is on record is never replaced.

    `keep_out`: vendors whose block is left out, because it is stored apart. `fits`: whether a vendor's block may have
    these fields. A block that cannot be completed stays as it is, for example where a vendor accepts one of two fields
    and not both.
    """
    blocks = {name: block for name, block in (more.get("vendors") or {}).items() if name not in set(keep_out)}
    own = {name: more[name] for name in OWN if more.get(name) and not subject.get(name)}
    told = {name: block for name, block in (subject.get("vendors") or {}).items() if block}
    for name in blocks.keys() & told.keys():
        whole = _filled(told[name], blocks[name])
        told[name] = whole if fits(name, whole) else told[name]
    vendors = {"vendors": blocks | told} if blocks or told else {}
    return cast("Subject", {**subject, **own, **vendors})


def _filled(given: Block, more: Block) -> dict[str, Any]:
    """A block with missing fields added, at any depth."""
    filled = {name: value for name, value in more.items() if value and not given.get(name)}
    inner = {
        name: _filled(value, more[name])
        for name, value in given.items()
        if isinstance(value, Mapping) and value and isinstance(more.get(name), Mapping)
    }
    return {**given, **filled, **inner}


class Reach:
    """How some vendors find people. All requests to these vendors share it: it remembers at which vendors people with
    the same fields cannot be found, and nothing of a person.

    `fields`: by vendor, the fields by which it finds a person.
    """

    def __init__(self, fields: Mapping[str, Fields]) -> None:
        self.fields = fields
        nested = {one for each in fields.values() for one in each if one.startswith("vendors.")}
        self._nested = [(field.split(".")[1], field) for field in sorted(nested)]
        self._missed_of: dict[Given, tuple[str, ...]] = {}

    def given(self, subject: Subject) -> Given:
        """Which of the fields that matter are given of this person."""
        own = [name for name in OWN if subject.get(name)]
        blocks = subject.get("vendors")
        if not blocks:
            return tuple(own)
        return *own, *[field for vendor, field in self._nested if vendor in blocks and _value_at(subject, field)]

    def missed(self, given: Given, subject: Subject) -> tuple[str, ...]:
        """The vendors at which a person of whom this is given cannot be found."""
        found = self._missed_of.get(given)
        if found is None:
            found = tuple(vendor for vendor, fields in self.fields.items() if not is_found(subject, fields))
            self._missed_of[given] = found
        return found

    def missing(self, people: Iterable[Subject]) -> dict[str, int]:
        """By vendor, how many of these people cannot be found. For few people, at a third of a Headcount's cost."""
        found: dict[str, int] = {}
        for subject in people:
            for vendor in self.missed(self.given(subject), subject):
                found[vendor] = found.get(vendor, 0) + 1
        return dict(sorted(found.items()))


NOWHERE = Reach({})
"""For a request to vendors that have no such operation."""


class Headcount:
    """Counts, as people pass, how many cannot be found at which vendor.

    People with the same fields share an answer, so a person costs a lookup of these fields and two bytes.
    """

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._groups: list[tuple[str, ...]] = []  # the vendors at which the people of each group cannot be found
        self._group_of: dict[Given, int] = {}
        self._by_line = array("H")

    def passing(self, people: Iterable[Subject]) -> Iterator[Subject]:
        """Yield the same people, counted."""
        return chain.from_iterable(map(self._counted, in_blocks(people)))

    def _counted(self, block: list[Subject]) -> list[Subject]:
        # Usually there is no vendor's block, and everybody has each of these fields.
        own = not any("vendors" in subject for subject in block)
        if own and all(all(subject.get(name) for subject in block) for name in OWN):
            self._by_line.extend([self._group(OWN, block[0])] * len(block))
        else:
            self._by_line.extend([self._group(self._reach.given(subject), subject) for subject in block])
        return block

    def _group(self, given: Given, subject: Subject) -> int:
        group = self._group_of.get(given)
        return self._new_group(given, subject) if group is None else group

    def without(self, repeats: Sequence[int]) -> dict[str, int]:
        """By vendor, how many of those counted cannot be found, without the people on these lines (from 1)."""
        if not any(self._groups):  # usually everybody is found everywhere
            return {}
        counts = [0] * len(self._groups)
        for group, count in Counter(self._by_line).items():
            counts[group] = count
        for line in repeats:
            counts[self._by_line[line - 1]] -= 1
        found: dict[str, int] = {}
        for vendors, count in zip(self._groups, counts, strict=True):
            for vendor in vendors if count else ():
                found[vendor] = found.get(vendor, 0) + count
        return dict(sorted(found.items()))

    def _new_group(self, given: Given, subject: Subject) -> int:
        vendors = self._reach.missed(given, subject)
        if vendors not in self._groups:
            self._groups.append(vendors)
        group = self._group_of[given] = self._groups.index(vendors)
        return group


def say(unreachable: Mapping[str, int], people: int, what_to_give: Callable[[str], str]) -> str:
    """How many cannot be found where, in one line: `1 of 1 person cannot be found at algonomy, b2core (user_id)`.

    `what_to_give`: the identifiers by which a vendor finds a person, in a few words.
    """
    parts = []
    for count in sorted(set(unreachable.values()), reverse=True):
        together: dict[str, list[str]] = {}
        for vendor in sorted(vendor for vendor, its in unreachable.items() if its == count):
            together.setdefault(what_to_give(vendor), []).append(vendor)
        groups = sorted(together.items(), key=lambda group: (-len(group[1]), group[1]))
        where = ", ".join(f"{', '.join(vendors)} ({words})" for words, vendors in groups)
        parts.append(f"{count:,} of {counted(people, 'person', 'people')} cannot be found at {where}")
    return "; ".join(parts)
