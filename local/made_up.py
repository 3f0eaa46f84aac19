"""Made-up people. A word before their user_id tells the sandbox how to treat them."""

from collections.abc import Sequence
from typing import Any

from adapters.registry import ADAPTERS

Person = dict[str, Any]

POISON, EXPIRED = "poison-", "expired-"
"""A person whom every vendor refuses, and one whose shop session is over."""
OWN = ("user_id", "email", "phone_number")
"""The record of a person in the controller's directory."""


def people(prefix: str, count: int, *, planted_every: int) -> list[Person]:
    """So many people, and among each `planted_every` of them one whom every vendor refuses, and one whose session is
    over."""
    marks = {0: POISON, 1: EXPIRED}
    return [_person(f"{marks.get(n % planted_every, '')}{prefix}-{n}", n, len(prefix)) for n in range(1, count + 1)]


def planted(everybody: Sequence[Person], mark: str) -> set[int]:
    """The lines, from 1, of those with a mark."""
    return {line for line, one in enumerate(everybody, start=1) if one["user_id"].startswith(mark)}


def known(everybody: Sequence[Person]) -> list[Person]:
    """The directory's records of them."""
    return [{name: one[name] for name in OWN} for one in everybody]


def _person(name: str, number: int, series: int) -> Person:
    return {
        "user_id": name,
        "email": f"{name}@example.org",
        "phone_number": f"+8210{series * 10_000_000 + number:08d}",
        "vendors": blocks(name),
    }


def blocks(name: str) -> dict[str, dict[str, Any]]:
    """The `vendors` of a person with this user_id: identifiers that only vendors know, made from the name."""
    needed = {
        vendor: adapter.card.found_by[0].rpartition(".")[2]
        for vendor, adapter in ADAPTERS.items()
        if all(field.startswith(f"vendors.{vendor}.") for field in adapter.card.found_by)
    }
    return {vendor: {field: f"{field}-{name}"} for vendor, field in needed.items()}
