"""The people the vendors hold: subject records in the shape submitters send, read for seeding."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Person:
    """One person, known to every vendor."""

    user_id: str | None
    email: str | None
    phone_number: str | None
    overrides: Mapping[str, Mapping[str, Any]]
    marks: frozenset[str] = field(default=frozenset())
    """What is special about them, at vendors that know such a mark. Given by `"marks": [...]` in the record, or by the
    beginning of the user_id (`<mark>-`), so that the same file can be seeded here and submitted there."""

    def given(self, vendor: str, name: str) -> Any:
        return self.overrides.get(vendor, {}).get(name)


def read_person(record: object, known: Set[str] | None = None) -> Person:
    """Read one subject record, with its marks checked against `known` where given. Raises ValueError that names the
    field, never the value."""
    if not isinstance(record, dict):
        raise ValueError("a person must be a JSON object")
    for name in ("user_id", "email", "phone_number"):
        if record.get(name) is not None and not isinstance(record[name], str):
            raise ValueError(f"{name} must be a string")
    overrides = record.get("vendors", {})
    if not isinstance(overrides, dict) or not all(isinstance(each, dict) for each in overrides.values()):
        raise ValueError("vendors must be an object of objects")
    marks = set(record.get("marks", []))
    if known is not None and not marks <= known:
        raise ValueError(f"marks must be among {', '.join(sorted(known))}")
    user_id = record.get("user_id")
    before, dash, _ = (user_id or "").partition("-")
    marks |= {before} if dash else set()
    return Person(user_id, record.get("email"), record.get("phone_number"), overrides, frozenset(marks))
