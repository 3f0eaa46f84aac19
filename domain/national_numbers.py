"""Phone numbers as people write them within a country, in the form in which they are sent."""

import re

import phonenumbers
from phonenumbers import CountryCodeSource, NumberParseException, PhoneNumber, PhoneNumberFormat

_WRITTEN = re.compile(r"\+?[0-9(][0-9 .()/\-\u2010-\u2014]{3,38}")
"""What a number is written with. Letters and extensions are no part of what is sent."""


def is_region(region: str) -> bool:
    """Whether these two capital letters are a country that has phone numbers."""
    return region in phonenumbers.SUPPORTED_REGIONS


def region_of(text: str) -> str | None:
    """The country that a text names by its two letters or its calling code (`KR`, `+82`); None where it names none."""
    given = text.strip().upper()
    if is_region(given):
        return given
    code = given.removeprefix("+")
    if not re.fullmatch("[1-9][0-9]{0,2}", code):
        return None
    region = phonenumbers.region_code_for_country_code(int(code))
    return region if is_region(region) else None


def to_e164(text: str, region: str) -> str | None:
    """The E.164 form of a number as it is written or dialled in this country; None where it is none of its numbers, or
    may be two of them.

    A number with its country code is taken too. Unlike one that is given in E.164 form it must be of a range that is
    assigned: a number read for the wrong country is another person's.
    """
    if not _WRITTEN.fullmatch(text.strip()):
        return None
    try:
        number = phonenumbers.parse(text, region, keep_raw_input=True)
    except NumberParseException:
        return None
    if number.extension or not phonenumbers.is_valid_number(number) or _may_lack_its_plus(text, number):
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _may_lack_its_plus(text: str, number: PhoneNumber) -> bool:
    """Whether a number that was read as one within the country is another one if its country code is already there.
    Spreadsheets take the plus from `+491711234567` as they take the zero from `04917…`, a number in Germany too."""
    digits = re.sub("[^0-9]", "", text)
    if number.country_code_source != CountryCodeSource.FROM_DEFAULT_COUNTRY:
        return False
    if not digits.startswith(str(number.country_code)):
        return False
    other = phonenumbers.parse(f"+{digits}")
    return phonenumbers.is_valid_number(other) and other.national_number != number.national_number
