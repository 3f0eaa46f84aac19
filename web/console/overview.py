"""The first page: what needs a person, what is due, what runs, and how the vendors do."""

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
from web.access import cookies
from web.access.gate import COOKIE, Gate
from web.console.pages import page
from web.console.progress import Progress, progress_of
from web.console.routing import page_router
from web.console.sign_in import sign_in_page
from web.context import Context
from web.dependencies import TheContext
from web.problems import Problem

router = page_router()
SHOWN = 6
"""Of each list; the page of its own has the rest."""


class Overview(NamedTuple):
    """What the first page tells."""

    vendors: list[Vendor]
    waiting: list[Group]
    at_risk: list[AtRisk]
    running: list[Progress]
    latest: list[Listed]

    @property
    def is_new(self) -> bool:
        """Nothing was ever submitted here."""
        return not self.latest


@router.get("/")
async def overview(request: Request, context: TheContext) -> Response:
    """The overview of whoever is signed in; the sign-in page for everybody else."""
    gate: Gate = request.app.state.gate
    try:
        principal = await gate.principal(request)
    except Problem as problem:
        if problem.status_code != 401:
            raise
        request.state.denied = bool(cookies.read(request, COOKIE))
        return sign_in_page(request, context)
    found = await context.reads.run(lambda: _find(context, principal))
    return page(request, "overview.html", found=found, shown=SHOWN)


def _find(context: Context, principal: Principal) -> Overview:
    reader = principal.may(Right.READ)
    with context.engine.connect() as connection:
        own = principal.sees_only
        running = listing.requests_by_receipt(connection, Wanted(status="running", submitted_by=own), None, SHOWN)
        standing = [reports.status_of(connection, one.request_id) for one in running]
        return Overview(
            vendors.all_vendors(connection) if reader else [],
            attention.groups(connection) if reader else [],
            reports.at_risk(connection, context.settings.due_soon_days) if reader else [],
            [progress_of(one) for one in standing if one is not None],
            listing.requests_by_receipt(connection, Wanted(submitted_by=own), None, SHOWN),
        )
