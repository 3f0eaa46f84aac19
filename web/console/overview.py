"""The first page: what needs a person, what is due, what runs, and how the vendors do."""

from collections.abc import Sequence
from typing import NamedTuple

from fastapi import Request
from starlette.responses import Response

from intake.access.roles import Principal, Right
from ledger.delivery import vendors
from ledger.delivery.vendors import Vendor
from ledger.desk import attention, listing, reports
from ledger.desk.attention import Group
from ledger.desk.listing import Listed, Wanted
from ledger.desk.reports import AtRisk
from ledger.desk.timeline import rate_of
from ledger.session import Connection
from web.access import cookies
from web.access.gate import COOKIE, Gate
from web.console.charts import Chart, ended_a_minute
from web.console.live import Shown
from web.console.pages import page, part_of_page
from web.console.progress import Progress, progress_of
from web.console.routing import page_router
from web.console.sign_in import sign_in_page
from web.console.streams import part, stream
from web.console.words import say_vendor
from web.context import Context
from web.dependencies import Onlooker, TheContext
from web.problems import Problem

router = page_router()
SHOWN = 6
"""Of each list; the page of its own has the rest."""
TILES = 12
"""Vendors that are shown; of more, those that are not well come first."""


class Overview(NamedTuple):
    """What the first page tells."""

    vendors: list[Vendor]
    waiting: list[Group]
    at_risk: list[AtRisk]
    running: list[Progress]
    latest: list[Listed]
    rate: Chart | None = None
    """Only for the whole page: a chart renews itself, and more slowly."""

    @property
    def tiles(self) -> list[Vendor]:
        """The vendors to show: all of a few; of many all that are not well, and others while there is room."""
        here = [one for one in self.vendors if one.retired_at is None]
        if len(here) <= TILES:
            return here
        unwell = [one for one in here if say_vendor(one).tone != "good"]
        well = [one for one in here if one not in unwell]
        return unwell + well[: max(0, TILES - len(unwell))]

    @property
    def others_well(self) -> int:
        """How many vendors are not shown, because they are well."""
        return len([one for one in self.vendors if one.retired_at is None]) - len(self.tiles)

    @property
    def is_new(self) -> bool:
        """Nothing was ever submitted here."""
        return not self.latest


@router.get("/")
async def overview(request: Request, context: TheContext) -> Response:
    """The overview of the user who is signed in; the sign-in page for everybody else."""
    gate: Gate = request.app.state.gate
    try:
        principal = await gate.principal(request)
    except Problem as problem:
        if problem.status_code != 401:
            raise
        request.state.denied = bool(cookies.read(request, COOKIE))
        return sign_in_page(request, context)
    found = await context.reads.run(lambda: _find(context, principal, with_rate=True))
    return page(request, "overview.html", found=found, shown=SHOWN)


@router.get("/overview/live")
async def live_part(context: TheContext, principal: Onlooker) -> Response:
    """What is live of it, as it is now."""
    return await part(context, lambda: _live(context, principal))


@router.get("/overview/stream")
async def live_stream(request: Request, context: TheContext, principal: Onlooker) -> Response:
    """The same whenever it changes, for all readers at once."""
    key = ("overview", principal.sees_only, principal.may(Right.READ))
    return stream(request, principal, key, lambda: _live(context, principal))


@router.get("/overview/rate")
async def rate_part(context: TheContext, principal: Onlooker) -> Response:
    """How many deliveries of what runs now ended a minute, in the last hour."""

    def render() -> Shown:
        with context.engine.connect() as connection:
            chart = _rate(connection, _running(connection, principal))
        return Shown(part_of_page("rate.html", None, chart=chart) if chart else "")

    return await part(context, render)


def _running(connection: Connection, principal: Principal) -> list[Listed]:
    wanted = Wanted(status="running", submitted_by=principal.sees_only)
    return listing.requests_by_receipt(connection, wanted, None, SHOWN)


def _rate(connection: Connection, running: Sequence[Listed]) -> Chart | None:
    rate = rate_of(connection, [one.place.id for one in running])
    return ended_a_minute(rate) if any(one.per_minute for one in rate) else None


def _live(context: Context, principal: Principal) -> Shown:
    return Shown(part_of_page("overview_live.html", principal, found=_find(context, principal), shown=SHOWN))


def _find(context: Context, principal: Principal, *, with_rate: bool = False) -> Overview:
    reader = principal.may(Right.READ)
    with context.engine.connect() as connection:
        own = principal.sees_only
        running = _running(connection, principal)
        standing = [reports.status_of(connection, one.request_id) for one in running]
        return Overview(
            vendors.all_vendors(connection) if reader else [],
            attention.groups(connection) if reader else [],
            reports.at_risk(connection, context.settings.due_soon_days) if reader else [],
            [progress_of(one) for one in standing if one is not None],
            listing.requests_by_receipt(connection, Wanted(submitted_by=own), None, SHOWN),
            _rate(connection, running) if with_rate else None,
        )
