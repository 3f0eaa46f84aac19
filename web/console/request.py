"""One request: how far it is at each vendor, who is in it, what was done to it, and what can be done."""

from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import Depends, Query, Request
from pydantic import TypeAdapter
from starlette.responses import Response

from intake.access.roles import Principal, Right
from intake.card_wording import say_done
from ledger.desk import attention, history, listing, reports
from ledger.desk.attention import Group
from ledger.desk.history import Note
from ledger.desk.listing import Numbers
from ledger.desk.reports import Row
from ledger.desk.status import Status, WaitedFor
from web.console import masked
from web.console.answers import CHOICES
from web.console.charts import Chart
from web.console.forms import read_form
from web.console.masked import Opened, Shown
from web.console.pages import page
from web.console.person import FIELDS
from web.console.progress import Progress, progress_of
from web.console.provide import lacks_something, own_fields
from web.console.request_live import again, chart_of, kept_at, visible
from web.console.routing import page_router
from web.context import Context
from web.cursors import LONGEST, cursor_at, read_cursor
from web.dependencies import OnlookingSubmitter, SubmitterOrReader, TheContext
from web.problems import Problem, no_such_request

router = page_router()
ON_A_PAGE = 25
COUNTED_AT_ONCE = 20_000
"""Up to so many deliveries that need a person are counted by cause with the page; more take seconds, so they come
after it."""
NOTES = 50
"""Deeds that are shown; more of one request are in the audit log."""
PLACES: TypeAdapter[tuple[str, int]] = TypeAdapter(tuple[str, int])
Cursor = Annotated[str, Query(max_length=LONGEST)]
Outcome = Annotated[str, Query(max_length=32, pattern="^[a-z_]*$")]
Vendor = Annotated[str, Query(max_length=80, pattern="^[a-z0-9_@-]*$")]


class Part(NamedTuple):
    """Which deliveries of a request are shown; `causes`: and all that need a person counted by cause, however many."""

    vendor: str = ""
    outcome: str = ""
    after: str = ""
    causes: bool = False


def _part(vendor: Vendor = "", outcome: Outcome = "", after: Cursor = "", *, causes: bool = False) -> Part:
    return Part(vendor, outcome, after, causes)


ThePart = Annotated[Part, Depends(_part)]


class Delivery(NamedTuple):
    """A person at a vendor, as a line of the table says it."""

    row: Row
    who: Shown


class Said(NamedTuple):
    """What an outcome at a vendor says was done there."""

    vendor: str
    outcome: str
    done: str


class Found(NamedTuple):
    """What the page of a request tells."""

    status: Status
    progress: Progress
    at_risk: bool
    waiting: list[Group]
    uncounted: int
    """How many need a person, where they are too many to be counted by cause unless that is asked for; else 0."""
    notes: list[Note]
    deliveries: list[Delivery]
    chart: Chart | None
    """When deliveries ended; None where none has, or the record is dropped."""
    said: list[Said]
    """What the outcomes among them mean, each once."""
    next: str
    opened: Opened
    kept: Mapping[str, WaitedFor]
    """The vendors at which something keeps what is pending."""

    def __repr__(self) -> str:
        return f"Found({self.status.request_id})"


@router.get("/requests/{request_id}")
async def show(
    request: Request,
    request_id: UUID,
    context: TheContext,
    principal: SubmitterOrReader,
    part: ThePart,
) -> Response:
    """The page of a request; its people are masked."""
    return await _answer(request, context, principal, request_id, part, unmasked=False)


@router.get("/requests/{request_id}/whole")
async def show_anew(
    request: Request,
    request_id: UUID,
    context: TheContext,
    principal: OnlookingSubmitter,
    part: ThePart,
) -> Response:
    """The same for a page that asks by itself, because how the request stands has changed."""
    return await _answer(request, context, principal, request_id, part, unmasked=False)


@router.post("/requests/{request_id}/people")
async def unmask(request: Request, request_id: UUID, context: TheContext, principal: SubmitterOrReader) -> Response:
    """The same with the identifiers of the people on it. That somebody asked stands in the audit log."""
    given = await read_form(request, "vendor", "outcome", "after")
    request.state.target = str(request_id)
    if not principal.may_unmask:
        raise Problem(403, "forbidden", "this needs the right to operate, or to have submitted the request oneself")
    return await _answer(
        request, context, principal, request_id, Part(given["vendor"], given["outcome"], given["after"]), unmasked=True
    )


async def _answer(
    request: Request, context: Context, principal: Principal, request_id: UUID, part: Part, *, unmasked: bool
) -> Response:
    place = read_cursor(part.after, PLACES) if part.after else ("", 0)

    def find() -> Found:
        numbers = visible(request, context, principal, request_id)
        return _find(context, request_id, numbers, part, place, unmasked=unmasked)

    found = await context.reads.run(find)
    may_cancel = found.status.status in {"unconfirmed", "running"} and (
        principal.may(Right.OPERATE) or principal.name == found.status.submitted_by
    )
    return page(
        request,
        "request.html",
        found=found,
        chart_again=again(found.status),
        part=part,
        unmasked=unmasked,
        may_unmask=principal.may_unmask,
        may_cancel=may_cancel,
        person=FIELDS,
        own_fields=own_fields({group.vendor for group in found.waiting if lacks_something(group)}),
        answer=CHOICES,
    )


def _find(
    context: Context, request_id: UUID, numbers: Numbers, part: Part, place: tuple[str, int], *, unmasked: bool
) -> Found:
    if part.vendor:
        chosen = {name: id_ for name, id_ in numbers.vendors.items() if name == part.vendor}
        numbers = numbers._replace(vendors=chosen)
    outcome = part.outcome or None
    with context.engine.connect() as connection:
        status = reports.status_of(connection, request_id)
        if status is None:
            raise no_such_request()
        needing = sum(map(status.attention, status.vendors))
        uncounted = needing if needing > COUNTED_AT_ONCE and not part.causes else 0
        waiting = [] if uncounted else attention.groups(connection, request_id=numbers.id)
        rows = listing.deliveries_page(connection, numbers, outcome=outcome, after=place, limit=ON_A_PAGE + 1)
        opened = masked.opened(connection, context.masters, request_id, sorted({row.line for row in rows}))
        notes = history.notes_of(connection, request_id, NOTES)
        kept = kept_at(connection, status)
        chart = None if status.dropped else chart_of(connection, numbers.id, status)
    shown = rows[:ON_A_PAGE]
    return Found(
        status,
        progress_of(status),
        status.at_risk(context.settings.due_soon_days),
        waiting,
        uncounted,
        notes,
        [Delivery(row, masked.shown(opened.people.get(row.line), unmasked=unmasked)) for row in shown],
        chart,
        _said(numbers.kind, shown),
        cursor_at((shown[-1].vendor, shown[-1].line)) if len(rows) > ON_A_PAGE else "",
        opened,
        kept,
    )


def _said(kind: str, rows: Sequence[Row]) -> list[Said]:
    each = dict.fromkeys((row.vendor, row.outcome, row.reason) for row in rows)
    told = (Said(vendor, outcome, say_done(vendor, kind, outcome, reason) or "") for vendor, outcome, reason in each)
    return [one for one in told if one.done]
