"""What is live of a request's page: how it stands, how far it is at each vendor, and when deliveries ended."""

from collections.abc import Mapping
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from intake.access.roles import Principal
from ledger.desk import listing, reports
from ledger.desk.listing import Numbers
from ledger.desk.status import Status, WaitedFor, waited_for
from ledger.desk.timeline import timeline_of
from ledger.session import Connection, asking
from web.console.charts import Chart, ended_by_vendor
from web.console.live import Shown
from web.console.pages import part_of_page
from web.console.progress import progress_of
from web.console.routing import page_router
from web.console.streams import part, stream
from web.context import Context
from web.dependencies import OnlookingSubmitter, TheContext
from web.problems import no_such_request, refuse_others

router = page_router()
LIVE = frozenset({"unconfirmed", "running"})
"""Statuses in which it changes by itself."""


@router.get("/requests/{request_id}/live")
async def live_part(request: Request, request_id: UUID, context: TheContext, principal: OnlookingSubmitter) -> Response:
    """What is live of it, as it is now."""
    await context.reads.run(lambda: visible(request, context, principal, request_id))
    return await part(context, lambda: _live(context, request_id))


@router.get("/requests/{request_id}/stream")
async def live_stream(
    request: Request, request_id: UUID, context: TheContext, principal: OnlookingSubmitter
) -> Response:
    """The same whenever it changes, for all who look at it."""
    await context.reads.run(lambda: visible(request, context, principal, request_id))
    return stream(request, principal, ("request", request_id), lambda: _live(context, request_id))


@router.get("/requests/{request_id}/timeline")
async def chart_part(
    request: Request, request_id: UUID, context: TheContext, principal: OnlookingSubmitter
) -> Response:
    """When its deliveries ended, as it is now."""

    def render() -> Shown:
        numbers = visible(request, context, principal, request_id)
        with context.engine.connect() as connection:
            status = _status(connection, request_id)
            chart = chart_of(connection, numbers.id, status)
        return Shown(part_of_page("chart.html", None, chart=chart, again=again(status)) if chart else "")

    return await part(context, render)


def again(status: Status) -> str:
    """Where its chart is renewed while it runs; empty once it does not."""
    return f"/requests/{status.request_id}/timeline" if status.status in LIVE else ""


def chart_of(connection: Connection, number: int, status: Status) -> Chart | None:
    """When its deliveries ended; None where none has. It costs the same for ten people and a million."""
    timeline = timeline_of(connection, number, status.subjects)
    return ended_by_vendor(timeline, status.received_at) if timeline.buckets else None


def visible(request: Request, context: Context, principal: Principal, request_id: UUID) -> Numbers:
    """The request, where this principal may see it. Raises Problem."""
    with context.engine.connect() as connection:
        numbers = listing.numbers_of(connection, request_id)
    if numbers is None:
        raise no_such_request()
    refuse_others(request, request_id, sees_only=principal.sees_only, submitted_by=numbers.submitted_by)
    return numbers


def _live(context: Context, request_id: UUID) -> Shown:
    with context.engine.connect() as connection:
        status = _status(connection, request_id)
        kept = kept_at(connection, status)
    return Shown(live_html(context, status, kept), over=status.status not in LIVE)


def _status(connection: Connection, request_id: UUID) -> Status:
    status = reports.status_of(connection, request_id)
    if status is None:
        raise no_such_request()
    return status


def kept_at(connection: Connection, status: Status) -> dict[str, WaitedFor]:
    """The vendors at which something keeps what is pending, by name: it is held, or fails, or nobody serves it."""
    found = waited_for(asking(connection), status.pending_at if status.status in LIVE else ())
    return {one.name: one for one in found if one.why_held or one.failing or not one.served}


def live_html(context: Context, status: Status, kept: Mapping[str, WaitedFor]) -> str:
    """The part that is live. It is the same for everybody."""
    return part_of_page(
        "request_live.html",
        None,
        status_now=status,
        progress=progress_of(status),
        kept=kept,
        at_risk=status.at_risk(context.settings.due_soon_days),
    )
