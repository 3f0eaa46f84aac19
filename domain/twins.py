"""Duplicate keys in a JSON object. Readers differ in which one counts, so a person might not be erased."""

import json
from typing import Any


class TwinsError(Exception):
    """An object has a duplicate key."""


class CrowdError(Exception):
    """The text has more objects than expected."""


def refuse_twins(text: bytes, most: int | None = None) -> None:
    """Search valid JSON for duplicate keys. Raises TwinsError, and CrowdError beyond `most` objects."""
    objects = 0

    def look(pairs: list[tuple[str, object]]) -> None:
        nonlocal objects
        objects += 1
        if most is not None and objects > most:
            raise CrowdError
        if len(pairs) > 1 and len({name for name, _ in pairs}) < len(pairs):
            raise TwinsError

    # Numbers stay text: JSON allows some that Python refuses.
    json.loads(text, object_pairs_hook=look, parse_int=str, parse_float=str)


def may_have_twins(text: bytes, members: int) -> bool:
    """Whether to search at all: a quick estimate from the number of members that were read of this text. It may be
    wrongly true where a value has a quote and a colon in it, or white space follows a key."""
    return text.count(b'":') != members


def members_of(value: Any) -> int:
    """The number of members in all objects of a value."""
    if isinstance(value, dict):
        return len(value) + sum(map(members_of, value.values()))
    return sum(map(members_of, value)) if isinstance(value, list) else 0
