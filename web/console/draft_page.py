"""The page of a dropped file: how it is read, what was found in it, and what is to be said of the request."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fastapi import Request
from starlette.responses import Response

from domain.foretold import foretell, say_not_looked_up
from domain.requests import Kind
from intake.files import saved_maps
from intake.files.check import LOOKED_UP, Check
from intake.files.columns import ANY, known_columns
from intake.files.faults import Fault
from intake.files.header_names import REGION
from ledger.delivery.vendors import Vendor
from ledger.requests.drafts import Draft
from tasks.subjects import advice
from web.console import words
from web.console.draft_state import COLUMN, KEEP_AS, LEAVE_OUT, MOST_COLUMNS, State
from web.console.masked import NAMES
from web.console.pages import page
from web.console.request_options import AT, Wrong
from web.context import Context

FIELDS: Mapping[str, str] = {
    "user_id": "User id",
    "email": "E-mail address",
    "phone_number": "Phone number",
    "asked_at": "Day when they asked",
    REGION: "Country of the phone number",
}


CALLED: Mapping[str, str] = {
    "kind": "What is asked for",
    "region": "Country of the phone numbers",
    "sheet": "Sheet",
    "map_as": "Columns as kept for",
    KEEP_AS: "Keep these columns as",
    "columns": "Columns",
    "asked_at": "Asked on",
    "effective_at": "Wished on",
    "regulation": "Law",
    "reference": "Reference",
    "not_before": "Send nothing before",
    "vendors": "Vendors",
}
"""What the fields are called on the page."""


class Reach(NamedTuple):
    """A vendor: whether it is chosen, and how many of the people it can find. `finds` is None where it has nothing to
    do for such a request, or the file was not read."""

    name: str
    chosen: bool
    finds: int | None
    misses: int
    give: str


def draft_page(
    request: Request,
    context: Context,
    draft: Draft,
    state: State,
    known: Sequence[Vendor],
    *,
    wrong: Sequence[Wrong] = (),
) -> Response:
    """The page; with what is wrong beside each field, where something is."""
    found = state.check
    above = context.guards.confirm_above
    return page(
        request,
        "draft.html",
        status=422 if request.method == "POST" else 200,  # only what was refused is shown in answer to a form
        here="/new/file",
        draft=draft,
        given=_Given(state.given),
        wrong={one.field: one.problem for one in wrong},
        called=CALLED,
        found=found,
        warnings=_warnings(found, state.given["kind"]) if found else [],
        columns=state.columns,
        column_faults=_by_column(found),
        columns_left=max(0, len(state.header) - MOST_COLUMNS),
        fields=FIELDS,
        vendor_fields=[name for name in known_columns() if name not in FIELDS and not name.endswith(ANY)],
        LEAVE_OUT=LEAVE_OUT,
        kinds=words.KINDS,
        laws=words.LAWS,
        maps=saved_maps.names(context.settings.data_dir),
        reach=_reach(state, known),
        advice=advice(fault.problem for fault in found.faults) if found else None,
        sample_fields=_sample_fields(found),
        names=NAMES,
        large=above is not None and found is not None and found.people > above,
        above=above,
    )


def _warnings(found: Check, kind: str) -> list[str]:
    erased = [foretell(found.erased_before, Kind(kind))] if found.erased_before else []
    return [*found.warnings, *erased, *([say_not_looked_up(LOOKED_UP)] if found.erased_unknown else [])]


class _Given(dict[str, str]):
    """The fields of the form; those that were never sent are empty."""

    def __missing__(self, _: str) -> str:
        return ""


def _by_column(found: Check | None) -> dict[str, Fault]:
    """By the name of a column's field, what is wrong with the column as a whole."""
    faults = found.faults if found else ()
    header = [one for one in faults if one.field.startswith("column ") and one.line == faults[0].line]
    return {f"{COLUMN}{one.field.removeprefix('column ')}": one for one in header}


def _reach(state: State, known: Sequence[Vendor]) -> list[Reach]:
    vendors = state.check.vendors if state.check else {}
    return [
        Reach(
            one.name,
            chosen=bool(state.given.get(AT + one.name)),
            finds=its.reachable if (its := vendors.get(one.name)) else None,
            misses=its.unreachable if its else 0,
            give=its.give if its else "",
        )
        for one in known
    ]


def _sample_fields(found: Check | None) -> list[str]:
    return list(dict.fromkeys(name for person in found.sample for name in person)) if found else []
