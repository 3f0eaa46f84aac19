"""What people do about one request, by forms: retry, close by hand, accept, confirm, cancel, extend, forget."""

from collections.abc import Callable
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from domain.counted import counted_deliveries as deliveries
from domain.outcomes import Reason
from domain.periods import LONGEST, Period, Unit
from intake.access.roles import Right
from ledger.desk.attention import Reopened
from ledger.desk.deeds import submitter_of
from tasks.attend import Desk, SamePersonError
from web.bodies import fault, kept_reason
from web.console.forms import read_form
from web.console.pages import go_to
from web.console.routing import page_router
from web.context import Context
from web.dependencies import Operator, SubmitterOrOperator, TheContext
from web.problems import Problem, no_such_request, refuse_others

router = page_router()


async def _do(request: Request, context: Context, request_id: UUID, work: Callable[[], str]) -> Response:
    """Do it, and go back to the request, which says what came of it."""
    request.state.target = str(request_id)
    return go_to(request, f"/requests/{request_id}", await context.intake.run(work))


@router.post("/requests/{request_id}/retry")
async def retry(request: Request, request_id: UUID, context: TheContext, principal: Operator) -> Response:
    """Deliver again what waits at a vendor, for a reason."""
    given = await read_form(request, "vendor", "reason")
    desk = context.desk(principal.name)
    return await _do(
        request,
        context,
        request_id,
        lambda: say_again(desk.retry(request_id, given["vendor"] or None, given["reason"] or None)),
    )


def say_again(again: Reopened) -> str:
    """What came of a retry."""
    total = sum(again.deliveries.values())
    said = [f"{deliveries(total)} {'goes' if total == 1 else 'go'} out again."]
    if again.without_session:
        said.append(f"{again.without_session:,} wait for a fresh session.")
    if again.unreachable:
        said.append(f"{again.unreachable:,} wait for an identifier.")
    return " ".join(said)


@router.post("/requests/{request_id}/close")
async def close(request: Request, request_id: UUID, context: TheContext, principal: Operator) -> Response:
    """Settle by hand what waits at a vendor."""
    given = await read_form(request, "vendor", "reason", "because")
    because, desk = kept_reason(given["because"]), context.desk(principal.name)

    def work() -> str:
        closed = desk.close(request_id, given["vendor"], given["reason"] or None, because)
        return f"{deliveries(closed)} {'noted as done' if given['reason'] == Reason.MANUAL else 'closed by hand'}."

    return await _do(request, context, request_id, work)


@router.post("/requests/{request_id}/accept")
async def accept(request: Request, request_id: UUID, context: TheContext, principal: Operator) -> Response:
    """Accept that people cannot be found at a vendor."""
    given = await read_form(request, "vendor", "because")
    because, desk = kept_reason(given["because"]), context.desk(principal.name)

    def work() -> str:
        accepted = desk.accept(request_id, given["vendor"] or None, because)
        return f"{deliveries(accepted)} stay{'s' if accepted == 1 else ''} as they are, and nobody need see to them."

    return await _do(request, context, request_id, work)


@router.post("/requests/{request_id}/confirm")
async def confirm(request: Request, request_id: UUID, context: TheContext, principal: Operator) -> Response:
    """Let a large request run, as a second person."""
    await read_form(request)
    desk = context.desk(principal.name)

    def work() -> str:
        try:
            desk.confirm(request_id, own=False)
        except SamePersonError:
            request.state.denied = True
            raise
        return "The request runs."

    return await _do(request, context, request_id, work)


@router.post("/requests/{request_id}/cancel")
async def cancel(request: Request, request_id: UUID, context: TheContext, principal: SubmitterOrOperator) -> Response:
    """Stop what was not sent. A submitter may stop their own."""
    await read_form(request)
    desk = context.desk(principal.name)

    def work() -> str:
        if not principal.may(Right.OPERATE):
            _refuse_others(request, desk, request_id, principal.name)
        done = desk.cancel(request_id)
        return (
            f"Cancelled: {deliveries(done.cancelled)} not sent, {done.done:,} had ended, {done.under_way:,} under way."
        )

    return await _do(request, context, request_id, work)


def _refuse_others(request: Request, desk: Desk, request_id: UUID, name: str) -> None:
    with desk.engine.connect() as connection:
        submitter = submitter_of(connection, request_id)
    if submitter is None:
        raise no_such_request()
    refuse_others(request, request_id, sees_only=name, submitted_by=submitter)


@router.post("/requests/{request_id}/extend")
async def extend(request: Request, request_id: UUID, context: TheContext, principal: Operator) -> Response:
    """Put off when it is due."""
    given = await read_form(request, "count", "unit", "because")
    by, because, desk = (
        _period(given["count"], given["unit"]),
        kept_reason(given["because"]),
        context.desk(principal.name),
    )
    return await _do(
        request,
        context,
        request_id,
        lambda: f"It is due on {desk.extend(request_id, by, because):%Y-%m-%d} now. Tell the people.",
    )


@router.post("/requests/{request_id}/forget")
async def forget(request: Request, request_id: UUID, context: TheContext, principal: Operator) -> Response:
    """Forget its people."""
    given = await read_form(request, "because")
    because, desk = kept_reason(given["because"]), context.desk(principal.name)

    def work() -> str:
        desk.forget(request_id, because, context.masters)
        return "Its people are forgotten. How many ended how stays on record."

    return await _do(request, context, request_id, work)


UNITS = {Unit.MONTHS.value: Unit.MONTHS, Unit.DAYS.value: Unit.DAYS}


def _period(count: str, unit: str) -> Period:
    chosen = UNITS.get(unit)
    if chosen is None or not (count.isascii() and count.isdigit() and 1 <= int(count[:4]) <= LONGEST[chosen]):
        most = ", ".join(f"1 to {LONGEST[one]} {one}" for one in UNITS.values())
        raise Problem.unusable("nothing was changed", [fault("count", f"must be a number: {most}")])
    return Period(int(count), chosen)
