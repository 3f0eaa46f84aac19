"""Phone numbers in E.164 form, checked at the speed of intake."""

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberFormat

E164 = re.compile(r"\+[1-9][0-9]{4,14}")
LONGEST = 16
START = 5
"""So many characters of a number hold its calling code (`+` and up to three digits) and the digit after it."""


@lru_cache(maxsize=16_384)  # there are fewer than 10,000 of these
def is_possible(start: str, length: int) -> bool:
    """Whether a number in E.164 form that begins with these four characters (`+` and three digits, as long as a calling
    code can be) is a possible one with `length` characters.

    Possible, not assigned: the numbering plans in any library are older than the newest numbers, and refusing a
    person's erasure because of an old table would be worse than sending it.
    """
    # What is possible depends only on calling code and length, so a million numbers cost a few hundred look-ups.
    code = _calling_code(start)
    if code is None:
        return False
    number = phonenumbers.PhoneNumber(country_code=int(code), national_number=10 ** (length - 2 - len(code)))
    verdict = phonenumbers.is_possible_number_with_reason(number)
    return bool(verdict == phonenumbers.ValidationResult.IS_POSSIBLE)


@lru_cache(maxsize=16_384)
def may_be_odd(start: str) -> bool:
    """Whether a number in E.164 form that begins with these START characters may have a national prefix after its
    calling code, or be nobody's. `may_be_odd` of one that `is_e164` or `national_part` would object to is true."""
    code = _calling_code(start[:4]) or ""
    prefix, known = _prefix(code), start[1 + len(code) :]
    if known[0] == "0" or (code == "1" and len(set(known)) == 1):
        return True
    return prefix is not None and known[0] in first_digits(prefix.pattern)


def is_e164(number: str) -> bool:
    """Whether a possible number in E.164 form is what the library makes of it: `+44 0 20 …`, with the zero that is
    dialled within the country only, is not, and reaches nobody. Italy's zeros belong to the number."""
    code = _calling_code(number[:4]) or ""
    prefix, national = _prefix(code), national_part(number)
    found = prefix.match(national) if prefix is not None else None
    if not found or not found.end():
        return True  # without a national prefix in front the library changes nothing
    if phonenumbers.format_number(phonenumbers.parse(number), PhoneNumberFormat.E164) != number:
        return False
    # The library leaves +57 0 3… as it is, for 03 might be a carrier's code: it is a number only without its zero.
    metadata = _metadata(code)
    pattern = metadata.general_desc.national_number_pattern if metadata.general_desc is not None else None
    viable = re.compile(pattern or ".*")
    rest = national.removeprefix(metadata.national_prefix or "")
    return bool(viable.fullmatch(national)) or not viable.fullmatch(rest)


def national_part(number: str) -> str:
    """What follows the calling code."""
    return number[1 + len(_calling_code(number[:4]) or "") :]


@lru_cache(maxsize=4_096)
def _calling_code(start: str) -> str | None:
    for digits in (1, 2, 3):  # no calling code is the beginning of another one
        code = start[1 : 1 + digits]
        if int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return code
    return None


@lru_cache(maxsize=512)
def _prefix(code: str) -> re.Pattern[str] | None:
    """What the library takes off the front of national numbers: what is dialled within the country only."""
    if not code:
        return None
    prefix = _metadata(code).national_prefix_for_parsing
    return re.compile(prefix) if prefix else None


def _metadata(code: str) -> PhoneMetadata:
    region = phonenumbers.region_code_for_country_code(int(code))
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
    assert metadata is not None  # noqa: S101 - for the type checker: every calling code has one
    return metadata


DIGITS = frozenset("0123456789")


def first_digits(pattern: str) -> frozenset[str]:
    """With which digits a text begins that this pattern of phonenumbers matches; all, where it is not easily seen."""
    alternatives = _split(pattern)
    if len(alternatives) > 1:
        return frozenset().union(*map(first_digits, alternatives))
    atom = _first_atom(pattern)
    if not atom or pattern[len(atom) : len(atom) + 1] in {"?", "*", "{"}:
        return DIGITS
    if atom.startswith("("):
        return first_digits(atom[1:-1].removeprefix("?:"))
    return frozenset(digit for digit in DIGITS if re.fullmatch(atom, digit))


def _first_atom(pattern: str) -> str:
    """A digit, a class, or a group with all that is in it."""
    found = re.match(r"[0-9]|\[[0-9-]+\]", pattern)
    if found or not pattern.startswith("("):
        return found[0] if found else ""
    depth = 0
    for place, character in enumerate(pattern):
        depth += (character == "(") - (character == ")")
        if not depth:
            return pattern[: place + 1]
    return ""


def _split(pattern: str) -> list[str]:
    """The alternatives of a pattern, those within groups left together."""
    found, depth = [""], 0
    for character in pattern:
        depth += (character == "(") - (character == ")")
        if character == "|" and not depth:
            found.append("")
        else:
            found[-1] += character
    return found
