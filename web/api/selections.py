"""Deeds over a selection of requests: begun by one call, done as far as a moment allows, carried on with by the
workers, and asked after by their id."""

from time import monotonic
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from domain.outcomes import Outcome
from intake.advice import ADVICE
from ledger.accounts.audit import Origin
from tasks import selections
from tasks.selections import Criteria, Deed, Extent, Order, Standing, UnusableOrderError
from web.access.gate import Principal, Right
from web.api.models import CloseSelected, DeedState, Selected
from web.api.openapi import json_body
from web.bodies import fault, kept_reason, read_json
from web.context import Door
from web.dependencies import Operator, SubmitterOrOperator, SubmitterOrReader, TheDoor
from web.origin import origin_of
from web.problems import Problem

router = APIRouter(tags=["deeds"])
SELECTED, CLOSE_SELECTED = TypeAdapter(Selected), TypeAdapter(CloseSelected)
AT_ONCE_S = 2.0
"""So long a call works at its deed itself; what is left then is the workers'."""
ANSWERS: dict[int | str, dict[str, Any]] = {202: {"model": DeedState, "description": "begun; ask after it by its id"}}


@router.post(
    "/v1/requests/retry",
    summary="Deliver again, over a selection",
    response_model=DeedState,
    responses=ANSWERS,
    openapi_extra=json_body(Selected),
)
async def retry_selected(request: Request, door: TheDoor, principal: Operator) -> Response:
    """What `POST /v1/requests/{id}/retry` does, to all requests chosen; vendor and reason also say which deliveries."""
    return await _answer(request, door, principal, deed=Deed.RETRY, chosen=await read_json(request, SELECTED))


@router.post(
    "/v1/requests/close",
    summary="Settle by hand, over a selection",
    response_model=DeedState,
    responses=ANSWERS,
    openapi_extra=json_body(CloseSelected),
)
async def close_selected(request: Request, door: TheDoor, principal: Operator) -> Response:
    """What needs a person becomes `cancelled`, but for those who could not be reached; who and why is kept."""
    chosen = await read_json(request, CLOSE_SELECTED)
    because = kept_reason(chosen.because)
    return await _answer(request, door, principal, deed=Deed.CLOSE, chosen=chosen, because=because)


@router.post(
    "/v1/requests/cancel",
    summary="Stop what was not sent yet, over a selection",
    response_model=DeedState,
    responses=ANSWERS,
    openapi_extra=json_body(Selected),
)
async def cancel_selected(request: Request, door: TheDoor, principal: SubmitterOrOperator) -> Response:
    """Each request is cancelled at every vendor. A submitter's selection is of what they submitted themselves."""
    return await _answer(request, door, principal, deed=Deed.CANCEL, chosen=await read_json(request, SELECTED))


@router.post(
    "/v1/requests/confirm",
    summary="Let large requests run, over a selection",
    response_model=DeedState,
    responses=ANSWERS,
    openapi_extra=json_body(Selected),
)
async def confirm_selected(request: Request, door: TheDoor, principal: Operator) -> Response:
    """Those that one has submitted oneself are left out, and counted as `own`."""
    return await _answer(request, door, principal, deed=Deed.CONFIRM, chosen=await read_json(request, SELECTED))


@router.get("/v1/deeds/{deed_id}", summary="How far a deed over a selection has come")
async def show_deed(request: Request, deed_id: UUID, door: TheDoor, principal: SubmitterOrReader) -> DeedState:
    """It has come to its end when `ended_at` is given."""
    deed = await door.reads.run(lambda: selections.find(door.engine, deed_id))
    if deed is None or principal.sees_only not in (None, deed.by):
        if deed is not None:
            request.state.target, request.state.denied = f"deed {deed_id}", True
        raise Problem(404, "no-such-deed", "there is no deed of this id")
    return _state(deed)


async def _answer(
    request: Request, door: Door, principal: Principal, *, deed: Deed, chosen: Selected, because: str | None = None
) -> Response:
    order = Order(deed, _criteria(deed, chosen, principal), because)
    try:
        if chosen.dry_run:
            found = await door.intake.run(lambda: selections.extent(door.engine, order, principal.name))
            return _json(200, _would_be(deed, principal, found))
        standing = await door.intake.run(lambda: _work(door, order, principal.name, origin_of(request.scope)))
    except UnusableOrderError as error:
        raise Problem.unusable(f"{error}; nothing was done") from None
    request.state.target, request.state.audited = f"deed {standing.public_id}", True
    return _json(200 if standing.ended_at is not None else 202, _state(standing))


def _criteria(deed: Deed, chosen: Selected, principal: Principal) -> Criteria:
    if not (chosen.all or chosen.vendor or chosen.reason or chosen.kind or chosen.received_before):
        said = "say which: vendor, reason, kind, received_before, or all"
        raise Problem.unusable("nothing was done", [fault("", said)])
    if chosen.reason is not None and chosen.reason not in {*ADVICE, Outcome.SUPERSEDED}:
        raise Problem.unusable("nothing waits for such a reason", [fault("reason", "is not a known reason")])
    own_only = deed is Deed.CANCEL and not principal.may(Right.OPERATE)
    return Criteria(
        chosen.vendor,
        chosen.reason,
        chosen.kind,
        chosen.received_before,
        submitted_by=principal.name if own_only else None,
    )


def _work(door: Door, order: Order, by: str, origin: Origin) -> Standing:
    """Begin it, and do it as far as a moment allows."""
    began = monotonic()
    standing = selections.begin(door.engine, order, by, origin)
    while standing.ended_at is None and monotonic() - began < AT_ONCE_S:
        done = selections.step(door.engine, standing.public_id, door.wake)
        standing = done or selections.find(door.engine, standing.public_id) or standing
    return standing


def _json(status: int, state: DeedState) -> Response:
    place = {"Location": f"/v1/deeds/{state.deed_id}"} if state.deed_id is not None else {}
    return Response(state.model_dump_json(), status, place, "application/json")


def _state(standing: Standing) -> DeedState:
    done = standing.done
    return DeedState(
        deed_id=standing.public_id,
        deed=standing.deed,
        by=standing.by,
        began_at=standing.began_at,
        ended_at=standing.ended_at,
        requests=done.requests,
        deliveries=sum(done.deliveries.values()),
        vendors=dict(done.deliveries),
        own=done.own,
        without_session=done.without_session,
        unreachable=done.unreachable,
    )


def _would_be(deed: Deed, principal: Principal, found: Extent) -> DeedState:
    return DeedState(
        deed_id=None,
        deed=deed,
        by=principal.name,
        began_at=None,
        ended_at=None,
        requests=found.requests,
        deliveries=found.deliveries,
        own=found.own,
    )
