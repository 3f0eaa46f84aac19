"""Identifiers that only a vendor's block gives, by kind. It does not matter which vendor's."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from domain.folding import fold
from domain.requests import Subject

SECRETS = ("session_id", "_token", "_secret")
"""How the names of fields end that hold secrets of the person, not identifiers."""
OURS = MappingProxyType(
    {"user_id": "user_id", "uuid": "user_id", "id": "user_id", "email": "email", "phone_number": "phone_number"}
)
"""Names in vendors' blocks for an identifier of ours."""


def other_identifiers(subject: Subject) -> frozenset[tuple[str, str]]:
    """The identifiers in a person's vendor blocks besides our own three, as (kind, folded value); empty for most
    people.

    A vendor's `user_id` is a user_id too: one person may have two.
    """
    vendors = subject.get("vendors")
    if not vendors:
        return frozenset()
    ours = {(kind, fold(kind, value)) for kind, value in subject.items() if isinstance(value, str)}
    return frozenset(one for block in vendors.values() for one in _in_block(block)) - ours


def _in_block(block: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in block.items():
        if isinstance(value, Mapping):
            yield from _in_block(value, "" if name == "identifiers" else f"{prefix}{name}.")
        elif isinstance(value, (str, int)) and (prefix or not name.endswith(SECRETS)):
            kind = prefix + name if prefix else OURS.get(name, name)
            yield kind, fold(kind, str(value))
