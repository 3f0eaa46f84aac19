"""Legal holds: whose data is kept, why and until when; added and released."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Path, Request
from starlette.responses import Response

from domain.moments import read_day_or_moment, refuse_far
from domain.outcomes import HOLD_REASONS, Reason
from ledger import legal_holds
from ledger.legal_holds import Held
from tasks.subjects import OWN, SubjectError
from web.bodies import fault
from web.console.forms import read_form
from web.console.pages import go_to, page
from web.console.routing import page_router
from web.console.words import HOLD_REASONS_SAID
from web.context import Context
from web.dependencies import Operator, Reader, TheContext
from web.legal_holds import Why, add_hold, release_hold
from web.problems import Problem

router = page_router()
HERE = "/settings/legal-holds"
FIELDS = (*OWN, "reason", "because", "until")


@router.get(HERE)
async def show(request: Request, context: TheContext, _: Reader) -> Response:
    """The holds in force, and those that have ended."""
    return await _page(request, context)


@router.post(HERE)
async def add(request: Request, context: TheContext, principal: Operator) -> Response:
    """Keep the data of a person."""
    given = await read_form(request, *FIELDS)
    try:
        hold_id = await add_hold(request, context, principal, *_read(given))
    except SubjectError as error:
        return await _page(request, context, given, {one.field: one.problem for one in error.faults})
    except Problem as problem:
        if not problem.faults:
            raise
        return await _page(request, context, given, {one.field: one.problem for one in problem.faults})
    return go_to(request, HERE, f"Legal hold {hold_id} is in force. What destroys data of this person waits.")


def _read(given: Mapping[str, str]) -> tuple[dict[str, str], Why]:
    faults = [fault("reason", "choose why")] if given["reason"] not in set(HOLD_REASONS) else []
    try:
        until = refuse_far(read_day_or_moment(given["until"])) if given["until"] else None
    except ValueError as error:
        faults.append(fault("until", str(error)))
    if faults:
        raise Problem.unusable("no hold was added", faults)
    person = {name: given[name] for name in OWN if given[name]}
    return person, Why(Reason(given["reason"]), given["because"], until)


@router.post(HERE + "/{hold_id}/release")
async def release(
    request: Request, hold_id: Annotated[int, Path(ge=1, le=2**63 - 1)], context: TheContext, principal: Operator
) -> Response:
    """End a hold now."""
    given = await read_form(request, "because")
    await release_hold(request, context, principal, hold_id, given["because"])
    return go_to(request, HERE, f"Legal hold {hold_id} is released. What waited for it alone is on its way.")


async def _page(
    request: Request,
    context: Context,
    given: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
) -> Response:
    def find() -> list[Held]:
        with context.engine.connect() as connection:
            return legal_holds.every(connection, ended=True)

    holds = await context.reads.run(find)
    return page(
        request,
        "settings_legal_holds.html",
        status=422 if wrong else 200,
        holds=[one for one in holds if one.ended_at is None],
        ended=[one for one in holds if one.ended_at is not None],
        reasons=HOLD_REASONS_SAID,
        given=given or dict.fromkeys(FIELDS, ""),
        wrong=wrong or {},
    )
