"""Phone numbers in national form, where it is said which country's they are."""

from collections.abc import Iterable, Iterator
from typing import Any

from domain.national_numbers import to_e164
from domain.phones import E164
from domain.requests import NO_PHONE
from intake.files.header_names import REGION
from tasks.subjects import Fault

FIELD = "phone_number"
WHICH_COUNTRY = (
    f"{NO_PHONE}; or say which country's the numbers in national form are, by its two letters: --region KR on the "
    f"command line, region in the API, CONSENT_PHONE_REGION for all files, or a column {REGION}"
)
NO_COUNTRY = "is no country: give its two letters, such as KR, or its calling code, such as +82"


def translate(record: dict[str, Any], region: str) -> None:
    """Give all phone numbers of a record in E.164 form. What is none of this country is left as it is."""
    for key, value in record.items():
        if isinstance(value, dict):
            translate(value, region)
        elif key == FIELD and isinstance(value, str) and not E164.fullmatch(value):
            record[key] = to_e164(value, region) or value


def has_numbers_to_translate(record: dict[str, Any]) -> bool:
    """Whether a record has a phone number that is not in E.164 form."""
    return any(
        has_numbers_to_translate(value)
        if isinstance(value, dict)
        else key == FIELD and isinstance(value, str) and not E164.fullmatch(value)
        for key, value in record.items()
    )


def worded(faults: Iterable[Fault], region: str | None) -> Iterator[Fault]:
    """The same faults; those of phone numbers say what can be done about numbers in national form."""
    not_of_it = (
        f"cannot be read as one phone number of {region}: give it as it is dialled there, with its 0 if it has one, or "
        "with + and its country code"
    )
    for fault in faults:
        known = fault.problem == NO_PHONE and fault.field.rpartition(".")[2] == FIELD
        yield fault._replace(problem=not_of_it if region else WHICH_COUNTRY) if known else fault
