"""Formats that show a number otherwise than by its digits, read from a workbook's styles."""

import re
from collections.abc import Mapping
from xml.etree import ElementTree

ODD = 0
"""In place of a width: the cell shows something else than the digits of its number."""

_DATES_OF_OTHER_LANGUAGES = frozenset({*range(27, 37), *range(50, 59), *range(67, 82)})
_BUILT_IN_ODD = frozenset({9, 10, 11, 12, 13, 48}) | _DATES_OF_OTHER_LANGUAGES
"""Percent, exponents, fractions (ECMA-376 part 1, 18.8.30), and dates that Excel names by language only."""


def odd_styles(styles: bytes) -> Mapping[int, int]:
    """By number of a cell style (`s` of a cell), the width to which it pads a number with zeros, or ODD; none of those
    that show the digits alone."""
    root = ElementTree.fromstring(styles)  # noqa: S314 - in a process that is bounded and may die
    codes = {
        int(one.get("numFmtId", "0")): one.get("formatCode", "") for one in root.iter() if _name(one.tag) == "numFmt"
    }
    found = {}
    formats = next((one for one in root.iter() if _name(one.tag) == "cellXfs"), ())
    for style, form in enumerate(formats):
        number = int(form.get("numFmtId", "0"))
        width = padding_of(codes[number]) if number in codes else (ODD if number in _BUILT_IN_ODD else None)
        if width is not None:
            found[style] = width
    return found


def padding_of(code: str) -> int | None:
    """The width to which a format code pads whole numbers with zeros; ODD where it shows anything else than their
    digits; None where it shows the digits alone."""
    section = code.split(";", maxsplit=1)[0]
    plain = re.sub(r"\[(?:\$[^\]]*|[A-Za-z]+[0-9]*)\]|_.|\*.", "", section)  # language, colour, room
    plain = re.sub(r"\\ |\" *\"", "", plain).strip()
    if plain.lower() in ("general", "standard", "@", ""):
        return None
    whole, _, _ = plain.partition(".")
    if not re.fullmatch(r"[0#,? ]*", whole) or not re.fullmatch(r"[0#,?. ]*", plain):
        return ODD
    if whole.rstrip().endswith(","):
        return ODD  # shows thousands
    zeros = whole.count("0")
    if zeros < 2:
        return None
    return zeros if re.fullmatch(r"0+", whole) else ODD


def pads_with_zeros(content: bytes) -> bool:
    """Whether an OpenDocument file has a number format with leading zeros. Which cells have it is not looked at."""
    found = re.findall(rb'number:min-integer-digits="([0-9]+)"', content)
    return any(int(digits) > 1 for digits in found)


def _name(tag: object) -> str:
    return str(tag).rpartition("}")[2]
