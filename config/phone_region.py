"""The country whose phone numbers those in national form are."""

from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from domain.national_numbers import is_region


def _check(text: str) -> str:
    region = text.strip().upper()
    if not is_region(region):
        raise PydanticCustomError("region", "must be the two letters of a country, such as KR, TR or DE")
    return region


PhoneRegion = Annotated[str, AfterValidator(_check)]
"""Two capital letters."""
