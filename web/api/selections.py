"""Deeds over a selection of requests: begun by one call, which does a part; continued by the workers; queried by id."""

from typing import Any, Literal, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, TypeAdapter

from domain.moments import GivenMoment
from domain.outcomes import HOLD_REASONS, Outcome
from domain.requests import Kind
from intake.advice import ADVICE
from tasks import selections
from tasks.selections import Criteria, Deed, Extent, Order, Progress, UnusableOrderError
from web.access.gate import Principal, Right
from web.api.models import RECEIVED, Because, Given, Moment, VendorName, examples, json_body
from web.bodies import fault, kept_reason, read_json
from web.context import Context
from web.dependencies import Operator, SubmitterOrOperator, SubmitterOrReader, TheContext
from web.origin import origin_of
from web.problems import Problem


class Selected(Given):
    """Which requests: those that match all of these; at least one is given. `all`: every one that it can be done to."""

    model_config = examples({"vendor": "insider", "reason": "rejected", "received_before": RECEIVED})
    all: bool = Field(default=False, strict=True, description="every request that it can be done to")
    vendor: VendorName | None = None
    reason: str | None = Field(default=None, description="for which something of the request waits")
    kind: Kind | None = None
    received_before: GivenMoment | None = None
    dry_run: bool = Field(default=False, strict=True, description="only count; nothing is done, and `deed_id` is null")


class CloseSelected(Selected):
    """Which requests, and why what waits in them is closed by hand."""

    model_config = examples({"vendor": "insider", "because": "done by the vendor's support"})
    because: Because = Field(description="kept for good: say why, and name no person")


class DeedState(BaseModel):
    """The progress of a deed over a selection; or, for a dry run, its extent now."""

    model_config = examples(
        {
            "deed_id": "5d0f0d4b-8d0c-4a53-9b0c-8d2f6c6b1c11",
            "deed": "retry",
            "by": "key:shop",
            "began_at": RECEIVED,
            "ended_at": None,
            "requests": 4_000,
            "deliveries": 4_100,
            "vendors": {"insider": 4_100},
            "own": 0,
            "without_session": 0,
            "unreachable": 2,
        }
    )
    deed_id: UUID | None
    deed: Literal["retry", "close", "cancel", "confirm"]
    by: str
    began_at: Moment | None
    ended_at: Moment | None = Field(description="null while it goes on")
    requests: int
    deliveries: int
    vendors: dict[str, int] = {}
    own: int = Field(default=0, description="requests left out because the person who confirms has submitted them")
    without_session: int = 0
    unreachable: int = 0


router = APIRouter(tags=["deeds"])
AT_ONCE_S = 2.0
"""How long a call works on its deed itself. The workers do the rest."""
ANSWERS: dict[int | str, dict[str, Any]] = {202: {"model": DeedState, "description": "begun; ask after it by its id"}}


class Route(NamedTuple):
    """A route that does a deed over a selection."""

    deed: Deed
    body: type[Selected]
    principal: Any
    """Who may use it, as a FastAPI dependency."""
    summary: str
    description: str


ROUTES = (
    Route(
        Deed.RETRY,
        Selected,
        Operator,
        "Deliver again, over a selection",
        "What `POST /v1/requests/{id}/retry` does, to all requests chosen; vendor and reason also say which "
        "deliveries.",
    ),
    Route(
        Deed.CLOSE,
        CloseSelected,
        Operator,
        "Settle by hand, over a selection",
        "What needs a person becomes `cancelled`, but for those who could not be reached; who and why is kept. What a "
        "legal hold withholds does where the hold's reason is named.",
    ),
    Route(
        Deed.CANCEL,
        Selected,
        SubmitterOrOperator,
        "Cancel what was not sent yet, over a selection",
        "Each request is cancelled at every vendor. A submitter's selection is of what they submitted themselves.",
    ),
    Route(
        Deed.CONFIRM,
        Selected,
        Operator,
        "Let large requests run, over a selection",
        "Those that one has submitted oneself are left out, and counted as `own`.",
    ),
)


def _open(route: Route) -> None:
    shape: TypeAdapter[Selected] = TypeAdapter(route.body)

    async def begin(request: Request, context: TheContext, principal: Principal) -> Response:
        chosen = await read_json(request, shape)
        because = kept_reason(chosen.because) if isinstance(chosen, CloseSelected) else None
        return await _answer(request, context, principal, deed=route.deed, chosen=chosen, because=because)

    begin.__annotations__["principal"] = route.principal
    router.add_api_route(
        f"/v1/requests/{route.deed}",
        begin,
        methods=["POST"],
        name=f"{route.deed}_selected",
        summary=route.summary,
        description=route.description,
        response_model=DeedState,
        responses=ANSWERS,
        openapi_extra=json_body(route.body),
    )


for each in ROUTES:
    _open(each)


@router.get("/v1/deeds/{deed_id}", summary="The progress of a deed over a selection")
async def show_deed(request: Request, deed_id: UUID, context: TheContext, principal: SubmitterOrReader) -> DeedState:
    """It has ended when `ended_at` is given."""
    deed = await context.reads.run(lambda: selections.find(context.engine, deed_id))
    if deed is None or principal.sees_only not in (None, deed.by):
        if deed is not None:
            request.state.target, request.state.denied = f"deed {deed_id}", True
        raise Problem(404, "no-such-deed", "there is no deed of this id")
    return _state(deed)


async def _answer(
    request: Request,
    context: Context,
    principal: Principal,
    *,
    deed: Deed,
    chosen: Selected,
    because: str | None = None,
) -> Response:
    order = Order(deed, _criteria(deed, chosen, principal), because)
    try:
        if chosen.dry_run:
            found = await context.intake.run(lambda: selections.extent(context.engine, order, principal.name))
            return _json(200, _would_be(deed, principal, found))
        progress = await context.intake.run(
            lambda: selections.begin_and_work(
                context.engine,
                order,
                principal.name,
                context.wake,
                origin=origin_of(request.scope),
                within_s=AT_ONCE_S,
            )
        )
    except UnusableOrderError as error:
        raise Problem.unusable(f"{error}; nothing was done") from None
    request.state.target, request.state.audited = f"deed {progress.public_id}", True
    return _json(200 if progress.ended_at is not None else 202, _state(progress))


def _criteria(deed: Deed, chosen: Selected, principal: Principal) -> Criteria:
    if not (chosen.all or chosen.vendor or chosen.reason or chosen.kind or chosen.received_before):
        said = "say which: vendor, reason, kind, received_before, or all"
        raise Problem.unusable("nothing was done", [fault("", said)])
    of_holds = HOLD_REASONS if deed is Deed.CLOSE else ()
    if chosen.reason is not None and chosen.reason not in {*ADVICE, *of_holds, Outcome.SUPERSEDED}:
        raise Problem.unusable("nothing waits for such a reason", [fault("reason", "is not a known reason")])
    own_only = deed is Deed.CANCEL and not principal.may(Right.OPERATE)
    return Criteria(
        chosen.vendor,
        chosen.reason,
        chosen.kind,
        chosen.received_before,
        submitted_by=principal.name if own_only else None,
    )


def _json(status: int, state: DeedState) -> Response:
    place = {"Location": f"/v1/deeds/{state.deed_id}"} if state.deed_id is not None else {}
    return Response(state.model_dump_json(), status, place, "application/json")


def _state(progress: Progress) -> DeedState:
    done = progress.done
    return DeedState(
        deed_id=progress.public_id,
        deed=progress.deed,
        by=progress.by,
        began_at=progress.began_at,
        ended_at=progress.ended_at,
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
