"""Invisible characters. An identifier that contains one differs from what it looks like, and finds nobody."""

import re
from unicodedata import category

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Zs"})
"""By Unicode category: control, format (zero width, bidi, soft hyphen, U+FEFF, tags), lone surrogates, private use, and
all separators but the ordinary space."""

_OTHERS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff\ufdd0-\ufdef\ufffe\uffff]"
)
"""Invisible characters in the categories of letters, marks and symbols: Unicode's Default_Ignorable_Code_Point
(variation selectors, fillers), the empty Braille pattern, and noncharacters."""

REPLACEMENT = "\ufffd"
"""U+FFFD replaces a character that a program could not decode. The original is lost."""


def invisible_in(text: str) -> str | None:
    """The first invisible character of a text, as `U+200B`; None where there is none. A space is not one."""
    if text.isascii():
        found = CONTROL.search(text)
        return _code_point(found[0]) if found else None
    return next((_code_point(character) for character in text if _is_invisible(character)), None)


def _is_invisible(character: str) -> bool:
    if character == " ":
        return False
    return category(character) in CATEGORIES or _OTHERS.match(character) is not None


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"
