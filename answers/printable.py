"""Which characters the fonts of the PDF have. A name may have any, and a page with a missing one is no PDF/UA."""

import unicodedata

MISSING = "□"
LATIN = range(0xA0, 0x180)
"""Latin-1 and Latin Extended-A, beside ASCII: English, German, Turkish and their neighbours."""


def printable(text: str) -> str:
    """The same text, composed, with a box in the place of each character that no font of ours has."""
    return "".join(one if is_printable(one) else MISSING for one in unicodedata.normalize("NFC", text))


def is_printable(character: str) -> bool:
    """Whether the fonts have it: ASCII, Latin, punctuation of our catalogues, and what Korean code page 949 has."""
    if character in KEPT or " " <= character <= "~" or ord(character) in LATIN:
        return True
    try:
        character.encode("cp949")
    except UnicodeEncodeError:
        return False
    return unicodedata.category(character)[0] not in "CZ"


KEPT = frozenset("\u2013\u2014\u2018\u2019\u201a\u201c\u201d\u201e\u2022\u2026\n")
"""Dashes, quotation marks, the bullet of masked identifiers, and the break between lines of the sender."""
