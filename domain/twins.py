"""Keys that stand twice in one JSON object: readers differ in which one counts, and the other one might be a person who
is not erased then."""

import json
from typing import Any


class TwinsError(Exception):
    """An object has a key twice."""


class CrowdError(Exception):
    """There are more objects in it than were expected."""


def refuse_twins(text: bytes, most: int | None = None) -> None:
    """Look through JSON that is known to be right. Raises TwinsError, and CrowdError beyond `most` objects."""
    objects = 0

    def look(pairs: list[tuple[str, object]]) -> None:
        nonlocal objects
        objects += 1
        if most is not None and objects > most:
            raise CrowdError
        if len(pairs) > 1 and len({name for name, _ in pairs}) < len(pairs):
            raise TwinsError

    # Numbers stay text: some that JSON allows Python does not make.
    json.loads(text, object_pairs_hook=look, parse_int=str, parse_float=str)


def may_have_twins(text: bytes, members: int) -> bool:
    """Whether it is worth a look: a quick guess, by how many members were read of this text in all. Where a value has a
    quote and a colon in it, or white space follows a key, it says yes for nothing."""
    return text.count(b'":') != members


def members_of(value: Any) -> int:
    """How many members all objects in it have together."""
    if isinstance(value, dict):
        return len(value) + sum(map(members_of, value.values()))
    return sum(map(members_of, value)) if isinstance(value, list) else 0
