"""Deeds on a request on record: retry, close, accept, confirm, cancel, extend, forget."""

from dataclasses import asdict
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, TypeAdapter

from domain.outcomes import HOLD_REASONS, Outcome
from domain.periods import LONGEST, Period, Unit
from intake.advice import ADVICE
from ledger.desk.deeds import submitter_of
from tasks.attend import SamePersonError
from web.access.gate import Right
from web.api.models import DUE, REQUEST_ID, Because, Given, Moment, VendorName, examples, json_body
from web.bodies import allowance_of, fault, kept_reason, read_json, read_nothing
from web.dependencies import Operator, SubmitterOrOperator, TheContext
from web.problems import Problem, no_such_request, refuse_others


class Retry(Given):
    """What to deliver again: everything that waits, or only at one vendor or for one reason."""

    model_config = examples({"vendor": "insider", "reason": "rejected"})
    vendor: VendorName | None = None
    reason: str | None = Field(default=None, description="refused deliveries go again only where their reason is named")


class Retried(BaseModel):
    """How many deliveries are sent again, and how many wait for a fresh session or an identifier of the person."""

    model_config = examples({"deliveries": 5, "vendors": {"insider": 5}, "without_session": 0, "unreachable": 0})
    deliveries: int
    vendors: dict[str, int]
    without_session: int
    unreachable: int


class Close(Given):
    """Settle by hand what needs a person at one vendor."""

    model_config = examples({"vendor": "dfinery", "because": "done by the vendor's support"})
    vendor: VendorName
    reason: str | None = None
    because: Because = Field(description="kept for good: say why, and name no person")


class Closed(BaseModel):
    """Deliveries that were settled by hand."""

    model_config = examples({**REQUEST_ID, "deliveries": 2})
    request_id: UUID
    deliveries: int


class Accept(Given):
    """Accept that people cannot be found, at one vendor or at all of the request."""

    model_config = examples({"vendor": "dfinery", "because": "known by e-mail only"})
    vendor: VendorName | None = None
    because: Because = Field(description="kept for good: say why, and name no person")


class Accepted(BaseModel):
    """Deliveries that stay unreachable and no longer need attention."""

    model_config = examples({**REQUEST_ID, "deliveries": 2})
    request_id: UUID
    deliveries: int


class Extend(Given):
    """Extend the due date, by `months` or by `days` in total beyond the original date."""

    model_config = examples({"months": 1, "because": "many requests at once"})
    months: int | None = Field(default=None, ge=1, le=LONGEST[Unit.MONTHS], strict=True)
    days: int | None = Field(default=None, ge=1, le=LONGEST[Unit.DAYS], strict=True)
    because: Because = Field(description="kept for good: say why, and name no person")


class Extended(BaseModel):
    """The request's new due date."""

    model_config = examples({**REQUEST_ID, "due_at": DUE, "due_reason": "many requests at once"})
    request_id: UUID
    due_at: Moment
    due_reason: str


class Cancelled(BaseModel):
    """Counts of a cancelled request's deliveries: ended before, not sent, and under way now."""

    model_config = examples({**REQUEST_ID, "status": "cancelled", "done": 1, "cancelled": 3, "under_way": 0})
    request_id: UUID
    status: str
    done: int
    cancelled: int
    under_way: int


class Forget(Given):
    """Forget the people of a request that has ended."""

    model_config = examples({"because": "the person asked for it"})
    because: Because = Field(description="kept for good: say why, and name no person")


class Forgotten(BaseModel):
    """A request whose people can no longer be read or found."""

    model_config = examples({**REQUEST_ID, "forgotten_at": DUE})
    request_id: UUID
    forgotten_at: Moment | None = Field(description="null where an earlier version did it")


class Confirmed(BaseModel):
    """A request that runs now."""

    model_config = examples({**REQUEST_ID, "status": "running"})
    request_id: UUID
    status: str


router = APIRouter(tags=["deeds"])
RETRY, CLOSE, EXTEND, ACCEPT = TypeAdapter(Retry), TypeAdapter(Close), TypeAdapter(Extend), TypeAdapter(Accept)
FORGET = TypeAdapter(Forget)


@router.post("/v1/requests/{request_id}/retry", summary="Deliver again", openapi_extra=json_body(Retry, required=False))
async def retry(request: Request, request_id: UUID, context: TheContext, principal: Operator) -> Retried:
    """What needs action or is exhausted is sent again. Deliveries that were refused, or that wait for a decision about
    another wish of the person, need `reason`. `superseded` compares superseded deliveries with the newer wishes
    again."""
    request.state.target = str(request_id)
    meant = Retry() if allowance_of(request).whole else await read_json(request, RETRY)
    if meant.reason is not None and meant.reason not in {*ADVICE, Outcome.SUPERSEDED}:
        raise Problem.unusable("nothing waits for such a reason", [fault("reason", "is not a known reason")])
    desk = context.desk(principal.name)
    again = await context.intake.run(lambda: desk.retry(request_id, meant.vendor, meant.reason))
    total = sum(again.deliveries.values())
    return Retried(
        deliveries=total, vendors=again.deliveries, without_session=again.without_session, unreachable=again.unreachable
    )


@router.post("/v1/requests/{request_id}/close", summary="Settle by hand", openapi_extra=json_body(Close))
async def close(request: Request, request_id: UUID, context: TheContext, principal: Operator) -> Closed:
    """What needs a person at one vendor becomes `cancelled`, except unreachable people. Who did it and why is kept."""
    request.state.target = str(request_id)
    meant = await read_json(request, CLOSE)
    if meant.reason is not None and meant.reason not in {*ADVICE, *HOLD_REASONS}:
        raise Problem.unusable("nothing waits for such a reason", [fault("reason", "is not a known reason")])
    because = kept_reason(meant.because)
    desk = context.desk(principal.name)
    closed = await context.intake.run(lambda: desk.close(request_id, meant.vendor, meant.reason, because))
    return Closed(request_id=request_id, deliveries=closed)


@router.post(
    "/v1/requests/{request_id}/accept", summary="Accept that people cannot be found", openapi_extra=json_body(Accept)
)
async def accept(request: Request, request_id: UUID, context: TheContext, principal: Operator) -> Accepted:
    """They stay `unreachable` and leave the list of what needs attention. This does not make the request completed."""
    request.state.target = str(request_id)
    meant = await read_json(request, ACCEPT)
    because = kept_reason(meant.because)
    desk = context.desk(principal.name)
    accepted = await context.intake.run(lambda: desk.accept(request_id, meant.vendor, because))
    return Accepted(request_id=request_id, deliveries=accepted)


@router.post("/v1/requests/{request_id}/confirm", summary="Let a large request run")
async def confirm(request: Request, request_id: UUID, context: TheContext, principal: Operator) -> Confirmed:
    """It takes another person than the submitter, and no other account of the submitter's."""
    request.state.target = str(request_id)
    await read_nothing(request)
    desk = context.desk(principal.name)
    try:
        await context.intake.run(lambda: desk.confirm(request_id, own=False))
    except SamePersonError:
        request.state.denied = True
        raise
    return Confirmed(request_id=request_id, status="running")


@router.post("/v1/requests/{request_id}/cancel", summary="Cancel what was not sent yet")
async def cancel(request: Request, request_id: UUID, context: TheContext, principal: SubmitterOrOperator) -> Cancelled:
    """A submitter may cancel their own requests. Cancelling twice changes nothing."""
    request.state.target = str(request_id)
    await read_nothing(request)
    desk = context.desk(principal.name)

    def stop() -> Cancelled:
        if not principal.may(Right.OPERATE):
            with context.engine.connect() as connection:
                submitter = submitter_of(connection, request_id)
            if submitter is None:
                raise no_such_request()
            refuse_others(request, request_id, sees_only=principal.name, submitted_by=submitter)
        return Cancelled(request_id=request_id, status="cancelled", **asdict(desk.cancel(request_id)))

    return await context.intake.run(stop)


@router.post("/v1/requests/{request_id}/extend", summary="Extend the due date", openapi_extra=json_body(Extend))
async def extend(request: Request, request_id: UUID, context: TheContext, principal: Operator) -> Extended:
    """By so much beyond its original date, as far as its regulation allows and before that date; the people must be
    told. Repeating it changes nothing."""
    request.state.target = str(request_id)
    wish = await read_json(request, EXTEND)
    because = kept_reason(wish.because)
    by = _period(wish)
    desk = context.desk(principal.name)
    due_at = await context.intake.run(lambda: desk.extend(request_id, by, because))
    return Extended(request_id=request_id, due_at=due_at, due_reason=because)


@router.post("/v1/requests/{request_id}/forget", summary="Forget its people", openapi_extra=json_body(Forget))
async def forget(request: Request, request_id: UUID, context: TheContext, principal: Operator) -> Forgotten:
    """From now on nobody can read or find the people of a request that has ended; how many ended how stays on record.
    Repeating it changes nothing."""
    request.state.target = str(request_id)
    meant = await read_json(request, FORGET)
    because = kept_reason(meant.because)
    desk = context.desk(principal.name)
    at = await context.intake.run(lambda: desk.forget(request_id, because, context.masters))
    return Forgotten(request_id=request_id, forgotten_at=at)


def _period(wish: Extend) -> Period:
    given = {Unit.MONTHS: wish.months, Unit.DAYS: wish.days}
    periods = [Period(count, unit) for unit, count in given.items() if count is not None]
    if len(periods) != 1:
        raise Problem.unusable("nothing was changed", [fault("", "give months or days, and not both")])
    return periods[0]
