"""What needs a person, by cause, and what is done about all of a cause at once."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from domain.outcomes import Outcome
from intake.advice import ADVICE
from ledger.delivery import vendors
from ledger.delivery.restored import Restore, open_restore
from ledger.desk import attention, waiting_requests, withheld
from ledger.desk.attention import Group
from ledger.desk.withheld import Withheld
from tasks import selections
from tasks.selections import Criteria, Deed, Order, Progress, UnusableOrderError
from web.access.gate import Principal
from web.bodies import fault, kept_reason
from web.console.forms import read_form
from web.console.live import Shown
from web.console.pages import go_to, page, part_of_page
from web.console.routing import page_router
from web.console.streams import part, stream
from web.console.words import HOLD_REASONS_SAID
from web.context import Context
from web.dependencies import OnlookingReader, Operator, Reader, TheContext
from web.origin import origin_of
from web.problems import Problem

router = page_router()
AT_ONCE_S = 0.3
"""So long a form works at its deed itself, so that it answers within a second; what is left then is the workers'."""
NAMED = 5
"""Requests named beside a cause that must be seen to in each of them."""


class Cause(NamedTuple):
    """Deliveries that wait for the same cause."""

    group: Group
    requests: list[UUID]
    """Some of the requests, where something has to be done in each by itself."""


class Found(NamedTuple):
    """What the page shows. `restored`: the restored backup for which every vendor is held."""

    causes: list[Cause]
    restored: Restore | None
    withheld: list[Withheld]


@router.get("/attention")
async def show(request: Request, context: TheContext, _: Reader) -> Response:
    """Every cause, the most pressing first."""
    found = await context.reads.run(lambda: _find(context))
    return page(request, "attention.html", **found._asdict(), hold_reasons=HOLD_REASONS_SAID)


def _find(context: Context) -> Found:
    with context.engine.connect() as connection:
        restored = open_restore(connection)
        ids: Mapping[str, int] = {one.name: one.id for one in vendors.all_vendors(connection)}
        causes = [
            Cause(
                group,
                waiting_requests.unreachable_at(connection, ids[group.vendor], NAMED)
                if group.outcome == Outcome.UNREACHABLE
                else [],
            )
            for group in attention.groups(connection)
        ]
        return Found(causes, restored, withheld.groups(connection))


@router.post("/attention/retry")
async def retry(request: Request, context: TheContext, principal: Operator) -> Response:
    """Deliver all of a cause again."""
    given = await read_form(request, "vendor", "reason")
    return await _do(request, context, principal, Order(Deed.RETRY, _criteria(given)))


@router.post("/attention/close")
async def close(request: Request, context: TheContext, principal: Operator) -> Response:
    """Settle all of a cause by hand."""
    given = await read_form(request, "vendor", "reason", "because")
    return await _do(request, context, principal, Order(Deed.CLOSE, _criteria(given), kept_reason(given["because"])))


def _criteria(given: Mapping[str, str]) -> Criteria:
    """Of one vendor and reason: a form that lacks one of them would do it to more than its page says."""
    if not given["vendor"] or given["reason"] not in {str(reason) for reason in ADVICE}:
        raise Problem.unusable("nothing was done", [fault("", "says which vendor and which known reason")])
    return Criteria(given["vendor"], given["reason"])


async def _do(request: Request, context: Context, principal: Principal, order: Order) -> Response:
    origin = origin_of(request.scope)
    try:
        progress = await context.intake.run(
            lambda: selections.begin_and_work(
                context.engine, order, principal.name, context.wake, origin=origin, within_s=AT_ONCE_S
            )
        )
    except UnusableOrderError as error:
        raise Problem.unusable(f"{error}; nothing was done") from None
    request.state.target, request.state.audited = f"deed {progress.public_id}", True
    return go_to(request, f"/deeds/{progress.public_id}")


@router.get("/deeds/{deed_id}")
async def show_deed(request: Request, deed_id: UUID, context: TheContext, _: Reader) -> Response:
    """How far a deed has come, live until it has ended."""

    deed = await context.reads.run(lambda: _deed(context, deed_id))
    return page(request, "deed.html", deed=deed, deliveries=_deliveries(deed))


@router.get("/deeds/{deed_id}/live")
async def live_part(deed_id: UUID, context: TheContext, _: OnlookingReader) -> Response:
    """What is live of it, as it is now."""
    return await part(context, lambda: _live(context, deed_id))


@router.get("/deeds/{deed_id}/stream")
async def live_stream(request: Request, deed_id: UUID, context: TheContext, principal: OnlookingReader) -> Response:
    """The same whenever it changes."""
    await context.reads.run(lambda: _deed(context, deed_id))
    return stream(request, principal, ("deed", deed_id), lambda: _live(context, deed_id))


def _live(context: Context, deed_id: UUID) -> Shown:
    deed = _deed(context, deed_id)
    html = part_of_page("deed_live.html", None, deed=deed, deliveries=_deliveries(deed))
    return Shown(html, over=deed.ended_at is not None)


def _deed(context: Context, deed_id: UUID) -> Progress:
    deed = selections.find(context.engine, deed_id)
    if deed is None:
        raise Problem(404, "no-such-deed", "there is no deed of this id")
    return deed


def _deliveries(deed: Progress) -> int:
    return sum(deed.done.deliveries.values())
