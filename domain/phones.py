"""Phone numbers in E.164 form, checked at the speed of intake."""

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberFormat

E164 = re.compile(r"\+[1-9][0-9]{4,14}")
LONGEST = 16
MOST_WRITTEN = 200
"""Characters in which somebody may have written several numbers."""
_BETWEEN_NUMBERS = re.compile(r"[,;|&/\n]|\s(?:or|and|oder|und|veya|ve|또는|ou|et|o|y)\s")
_SHORTEST = 7
"""Digits of a number: what stands before `/` may be a dialling code."""
START = 5
"""This many characters hold a number's calling code (`+` and up to three digits) and the digit after it."""


@lru_cache(maxsize=16_384)  # there are fewer than 10,000
def is_possible(start: str, length: int) -> bool:
    """Whether a number in E.164 form with these first four characters (`+` and three digits, the longest calling code)
    is possible with `length` characters.

    Possible, not assigned: the numbering plans of any library are older than the newest numbers. Refusing a person's
    erasure because of an old table would be worse than sending it.
    """
    # The answer depends on calling code and length only, so a million numbers cost a few hundred look-ups.
    code = _calling_code(start)
    if code is None:
        return False
    number = phonenumbers.PhoneNumber(country_code=int(code), national_number=10 ** (length - 2 - len(code)))
    verdict = phonenumbers.is_possible_number_with_reason(number)
    return bool(verdict == phonenumbers.ValidationResult.IS_POSSIBLE)


@lru_cache(maxsize=16_384)
def may_be_odd(start: str) -> bool:
    """Whether a number in E.164 form with these first START characters may have a national prefix after its calling
    code, or be a placeholder. True for every number to which `is_e164` or `national_part` would object."""
    code = _calling_code(start[:4]) or ""
    prefix, known = _prefix(code), start[1 + len(code) :]
    if known[0] == "0" or (code == "1" and len(set(known)) == 1):
        return True
    return prefix is not None and known[0] in first_digits(prefix.pattern)


def is_e164(number: str) -> bool:
    """Whether a possible number in E.164 form is what the library makes of it. `+44 0 20 …` is not: it has the zero
    that is dialled within the country only, and reaches nobody. Italy's zeros belong to the number."""
    code = _calling_code(number[:4]) or ""
    prefix, national = _prefix(code), national_part(number)
    found = prefix.match(national) if prefix is not None else None
    if not found or not found.end():
        return True  # without a national prefix the library changes nothing
    if phonenumbers.format_number(phonenumbers.parse(number), PhoneNumberFormat.E164) != number:
        return False
    # The library leaves +57 0 3… unchanged, because 03 might be a carrier's code. It is a number only without its zero.
    metadata = _metadata(code)
    pattern = metadata.general_desc.national_number_pattern if metadata.general_desc is not None else None
    viable = re.compile(pattern or ".*")
    rest = national.removeprefix(metadata.national_prefix or "")
    return bool(viable.fullmatch(national)) or not viable.fullmatch(rest)


def are_several(text: str) -> bool:
    """Whether a text holds more than one number, however they are written."""
    parts = _BETWEEN_NUMBERS.split(text[:MOST_WRITTEN])
    return sum(sum(map(str.isdigit, part)) >= _SHORTEST for part in parts) > 1


def national_part(number: str) -> str:
    """The number without its calling code."""
    return number[1 + len(_calling_code(number[:4]) or "") :]


@lru_cache(maxsize=4_096)
def _calling_code(start: str) -> str | None:
    for digits in (1, 2, 3):  # no calling code is the prefix of another
        code = start[1 : 1 + digits]
        if int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return code
    return None


@lru_cache(maxsize=512)
def _prefix(code: str) -> re.Pattern[str] | None:
    """The national prefix that the library removes: digits dialled within the country only."""
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
    """The digits with which a text that matches this pattern of phonenumbers may begin; all digits, where that is not
    easily seen."""
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
    """The first element of a pattern: a digit, a class, or a whole group."""
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
    """The alternatives of a pattern at its top level."""
    found, depth = [""], 0
    for character in pattern:
        depth += (character == "(") - (character == ")")
        if character == "|" and not depth:
            found.append("")
        else:
            found[-1] += character
    return found
