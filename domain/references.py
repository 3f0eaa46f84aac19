"""What a submitter calls a request in a system of their own, such as the number of a ticket. It may be somebody's
address, so it is kept like an identifier."""

from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

LONGEST = 200
NO_REFERENCE = f"must be 1 to {LONGEST} printable characters"


def read_reference(given: str) -> str:
    """A reference without blanks around it. Raises ValueError, which quotes nothing."""
    reference = given.strip()
    if not (0 < len(reference) <= LONGEST and reference.isprintable()):
        raise ValueError(NO_REFERENCE)
    return reference


def comparable(reference: str) -> str:
    """The same for references that people take for the same: case and the number of blanks do not count."""
    return " ".join(reference.casefold().split())


def _refuse(given: str) -> str:
    try:
        return read_reference(given)
    except ValueError:
        raise PydanticCustomError("reference", NO_REFERENCE) from None


GivenReference = Annotated[str, AfterValidator(_refuse)]
"""A reference as producers give it."""
