"""Giving one person of a request what they lack: a fresh session, or an identifier by which a vendor finds them."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from domain.accounts import vendor_of
from domain.counted import counted
from domain.noticed import Noticed
from domain.outcomes import Outcome, Reason
from intake.files.columns import ANY, find_field, known_columns
from ledger.desk.attention import Group
from ledger.desk.fresh_sessions import Given
from tasks.attend import AttendError
from tasks.provide import keeps_sessions
from tasks.subjects import check_subject
from web.console.forms import read_form
from web.console.pages import go_to
from web.console.person import FIELDS, with_country
from web.console.routing import page_router
from web.dependencies import Operator, TheContext

router = page_router()
PLACE = 1
"""What is wrong is told by line of a file, of which a form has one."""


@cache
def _own_columns() -> tuple[str, ...]:
    return tuple(name for name in known_columns() if "." in name and not name.endswith(ANY))


def lacks_something(group: Group) -> bool:
    """Whether these deliveries go on when something is given about their people."""
    return group.outcome == Outcome.UNREACHABLE or (group.reason != Reason.MANUAL and keeps_sessions(group.vendor))


def own_fields(vendors: Iterable[str]) -> dict[str, list[str]]:
    """By vendor, its own fields of a person, named as columns of a file; all accounts of a vendor have the same."""
    return {name: [one for one in _own_columns() if one.startswith(f"{vendor_of(name)}.")] for name in vendors}


@router.post("/requests/{request_id}/provide")
async def provide(request: Request, request_id: UUID, context: TheContext, principal: Operator) -> Response:
    """Send again what waited for what this form gives about one person; where it gives nothing new, nothing is done."""
    given = await read_form(request, *FIELDS, *_own_columns())
    request.state.target = str(request_id)
    person = check_subject(_record(given, context.settings.phone_region), Noticed())
    desk = context.desk(principal.name)
    try:
        again = await context.intake.run(lambda: desk.provide(request_id, [Given(PLACE, person)], context.masters))
    except AttendError as error:
        said = (line.removeprefix(f"line {PLACE}: ") for line in str(error).splitlines())
        raise AttendError("; ".join(said)) from None
    total = counted(sum(again.values()), "delivery goes", "deliveries go")
    return go_to(request, f"/requests/{request_id}", f"{total} out again: {', '.join(again)}.")


def _record(given: Mapping[str, str], region: str | None) -> dict[str, Any]:
    record: dict[str, Any] = dict(with_country({name: given[name] for name in FIELDS if given[name]}, region))
    for name in _own_columns():
        column = find_field(name)
        if column is not None and given[name]:
            block = record
            for outer in column[0]:
                block = block.setdefault(outer, {})
            block[column[1]] = given[name]
    return record
