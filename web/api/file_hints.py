"""How to read an uploaded file of people, from the query: names of columns and countries, and nobody's identifiers."""

from typing import Annotated

from fastapi import Depends, Query

from intake.files.hints import HintError, Hints, read_hints
from web.bodies import fault
from web.dependencies import TheContext
from web.problems import Problem


def _hints(
    context: TheContext,
    *,
    mapped: Annotated[
        list[str], Query(alias="map", max_length=100, description="what a column holds: Kundennummer=user_id")
    ] = [],  # noqa: B006 - FastAPI copies it
    ignore: Annotated[list[str], Query(max_length=100, description="columns to leave out, by name")] = [],  # noqa: B006 - FastAPI copies it
    ignore_others: Annotated[bool, Query(description="leave out all columns whose names are not known")] = False,
    region: Annotated[
        str | None, Query(max_length=10, description="country, as KR, of phone numbers in national form")
    ] = None,
    sheet: Annotated[str | None, Query(max_length=100, description="the sheet of a workbook to read")] = None,
) -> Hints:
    try:
        region = region or context.settings.phone_region
        return read_hints(mapped, ignore, region, sheet, others_ignored=ignore_others)
    except HintError as error:
        option, _, problem = str(error).partition(": ")
        message = "how to read the file cannot be understood; nothing was recorded"
        raise Problem.unusable(message, [fault(f"query.{option}", problem)]) from None


FileHints = Annotated[Hints, Depends(_hints)]
"""What the query says of the file."""
