"""The name of the evidence log, in the form that signed notes want."""

from typing import Annotated

from pydantic import AfterValidator

from evidence.note import is_name


def _checked(text: str) -> str:
    if not is_name(text):
        raise ValueError("must be a name without blanks and +, as consent.example/log")
    return text


LogOrigin = Annotated[str, AfterValidator(_checked)]
