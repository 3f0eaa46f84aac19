"""The list of requests, with filters that live in the address: no identifier of anybody stands there."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Query, Request
from starlette.responses import Response

from domain.counted import counted
from intake.access.roles import Principal
from ledger.desk import listing
from ledger.desk.listing import Listed, Place, Wanted
from ledger.keys import fingerprinter
from ledger.requests.references import prints_of_reference
from web.console import words
from web.console.forms import day_of, read_form
from web.console.pages import go_to, page
from web.console.routing import page_router
from web.console.submitters import SHAPE, principals
from web.context import Context
from web.cursors import LONGEST, REQUESTS, cursor_at, read_cursor
from web.dependencies import SubmitterOrReader, TheContext
from web.problems import Problem, no_such_request, refuse_others

router = page_router()
ON_A_PAGE = 50
COUNTED_TO = 10_000
"""More are "more than 10,000": to count millions would take longer than to read the page."""
Wish = Literal["", "erasure", "opt_out", "opt_in"]
State = Literal["", "unconfirmed", "running", "completed", "completed_with_exceptions", "cancelled"]
Due = Literal["", "over", "week", "month"]
DUE: Mapping[str, str] = MappingProxyType(
    {"over": "Overdue", "week": "Due within 7 days", "month": "Due within 30 days"}
)
Received = Annotated[str, Query(pattern=r"^(\d{4}-\d\d-\d\d)?$")]


class Filters(NamedTuple):
    """What somebody looks for; empty texts do not matter."""

    kind: str = ""
    status: str = ""
    due: str = ""
    received_from: str = ""
    received_to: str = ""
    submitter: str = ""

    def address(self, **more: str) -> str:
        """The page with these filters."""
        given = {name: value for name, value in {**self._asdict(), **more}.items() if value}
        return "/requests" + (f"?{urlencode(given)}" if given else "")

    @property
    def any(self) -> bool:
        """Whether anything is left out."""
        return any(self)


class Found(NamedTuple):
    """One page of the list."""

    requests: list[Listed]
    matching: int
    next: str
    submitters: dict[str, str]

    @property
    def scope(self) -> str:
        """How many there are."""
        if self.matching > COUNTED_TO:
            return f"More than {COUNTED_TO:,} requests"
        return counted(self.matching, "request")


@router.get("/requests")
async def show(
    request: Request,
    context: TheContext,
    principal: SubmitterOrReader,
    *,
    kind: Wish = "",
    status: State = "",
    due: Due = "",
    received_from: Received = "",
    received_to: Received = "",
    submitter: Annotated[str, Query(pattern=SHAPE)] = "",
    after: Annotated[str, Query(max_length=LONGEST)] = "",
) -> Response:
    """Requests, the newest first. Who may only submit sees their own."""
    filters = Filters(kind, status, due, received_from, received_to, submitter)
    found = await context.reads.run(lambda: _find(context, principal, filters, after))
    return page(
        request,
        "requests.html",
        found=found,
        filters=filters,
        after=after,
        kinds=words.KINDS,
        dues=DUE,
        status_options=[(name, word.text) for name, word in words.STATUSES.items() if name != "loading"],
        submitter_options=[("me", "Me"), *found.submitters.items()],
        own=principal.sees_only is not None,
    )


@router.post("/requests/find")
async def find(request: Request, context: TheContext, principal: SubmitterOrReader) -> Response:
    """Go to the request of this id or reference. It comes in the body: people type anything into such a field."""
    given = (await read_form(request, "id"))["id"]
    request.state.audited = True  # nothing is changed by it
    request_id = _id(given)
    if request_id is None:
        return await _find_called(request, context, principal, given)

    def look() -> None:
        with context.engine.connect() as connection:
            numbers = listing.numbers_of(connection, request_id)
        if numbers is None:
            raise no_such_request()
        refuse_others(request, request_id, sees_only=principal.sees_only, submitted_by=numbers.submitted_by)

    await context.reads.run(look)
    return go_to(request, f"/requests/{request_id}")


def _id(given: str) -> UUID | None:
    try:
        return UUID(given)
    except ValueError:
        return None


async def _find_called(request: Request, context: Context, principal: Principal, reference: str) -> Response:
    def look() -> list[Listed]:
        with context.engine.begin() as connection:
            prints = fingerprinter(connection, context.masters)
            wanted = Wanted(reference=prints_of_reference(prints, reference), submitted_by=principal.sees_only)
            return listing.requests_by_receipt(connection, wanted, None, ON_A_PAGE + 1)

    found = await context.reads.run(look)
    if not found:
        raise Problem(404, "no-such-request", "there is no request of this id or reference that you may see")
    if len(found) == 1:
        return go_to(request, f"/requests/{found[0].request_id}")
    return page(request, "called.html", requests=found[:ON_A_PAGE], more=len(found) > ON_A_PAGE)


def _find(context: Context, principal: Principal, filters: Filters, after: str) -> Found:
    place = Place(*read_cursor(after, REQUESTS)) if after else None
    with context.engine.connect() as connection:
        submitters = principals(connection) if principal.sees_only is None else {}
        wanted = _wanted(filters, principal, submitters)
        requests = listing.requests_by_receipt(connection, wanted, place, ON_A_PAGE + 1)
        count = listing.count_requests(connection, wanted, COUNTED_TO + 1)
    shown = requests[:ON_A_PAGE]
    more = cursor_at(shown[-1].place) if len(requests) > ON_A_PAGE else ""
    return Found(shown, count, more, submitters)


def _wanted(filters: Filters, principal: Principal, submitters: Mapping[str, str]) -> Wanted:
    now = datetime.now(UTC)
    until = {"over": now, "week": now + timedelta(days=7), "month": now + timedelta(days=30)}.get(filters.due)
    to = day_of(filters.received_to)
    named = principal.name if filters.submitter == "me" else submitters.get(filters.submitter)
    if filters.submitter and named is None:
        named = ""  # of nobody we know there is nothing
    return Wanted(
        status=filters.status or None,
        kind=filters.kind or None,
        received_from=day_of(filters.received_from),
        received_before=to + timedelta(days=1) if to else None,
        submitted_by=principal.sees_only or named,
        due_before=until,
        unfinished=True if until else None,
    )
