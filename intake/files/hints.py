"""What a submitter says of a file, so that nothing in it must be guessed."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from domain.national_numbers import is_region
from intake.files.columns import fields_are, find_field
from intake.files.header_names import squashed


class HintError(Exception):
    """What was said of the file makes no sense; the message begins with the option's name."""


@dataclass(frozen=True)
class Hints:
    """How to read a file. `maps`: by a column's name, the field that it holds. `ignored`: columns left out, by name.
    Case, accents, spaces and marks of these names do not count. `others_ignored`: so are all whose names are not known.
    `region`: the country, by its two letters, of phone
    numbers in national form. `sheet`: the one to read of a workbook."""

    maps: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ignored: tuple[str, ...] = ()
    others_ignored: bool = False
    region: str | None = None
    sheet: str | None = None


NO_HINTS = Hints()


def read_hints(
    maps: Iterable[str] = (),
    ignored: Iterable[str] = (),
    region: str | None = None,
    sheet: str | None = None,
    *,
    others_ignored: bool = False,
) -> Hints:
    """Hints from what an option or a parameter gives; `maps` as `Kundennummer=user_id`. Raises HintError."""
    pairs = [_pair(one) for one in maps]
    names = tuple(name.strip() for name in ignored)
    if not all(map(squashed, names)):
        raise HintError("ignore: give the name of a column, as in the first line of the file")
    mapped = dict(pairs)
    twice = {squashed(name) for name, _ in pairs} & {squashed(name) for name in names}
    if twice or len({squashed(name) for name in mapped}) < len(pairs):
        raise HintError("map: a column is named twice: say of each what it holds, or ignore it")
    return Hints(MappingProxyType(mapped), names, others_ignored, read_region("region", region), sheet)


def read_region(option: str, given: str | None) -> str | None:
    """A country by its two letters, in capitals. Raises HintError."""
    if given is None or not given.strip():
        return None
    region = given.strip().upper()
    if not (re.fullmatch("[A-Z]{2}", region) and is_region(region)):
        raise HintError(f"{option}: must be the two letters of a country, such as KR, TR or DE")
    return region


def _pair(given: str) -> tuple[str, str]:
    name, equals, target = (part.strip() for part in given.rpartition("="))
    if not equals or not squashed(name):
        raise HintError('map: give the name of a column and the field that it holds, as in "Kundennummer=user_id"')
    if find_field(target) is None:
        raise HintError(f"map: there is no field of this name; {fields_are()}")
    return name, target
