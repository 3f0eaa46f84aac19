"""Lists of requests and of deliveries, page by page."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, Field, TypeAdapter
from pydantic_core import to_json
from starlette.responses import StreamingResponse

from domain.moments import WrittenMoment
from domain.outcomes import Outcome
from domain.requests import Kind
from intake.card_wording import say_done
from ledger.delivery import vendors
from ledger.desk import listing
from ledger.desk.listing import Numbers, Place, Wanted
from ledger.desk.reports import Row
from web.access.gate import Principal
from web.api.models import DUE, RECEIVED, REQUEST_ID, Moment, VendorName, as_utc, examples
from web.context import Context
from web.cursors import LONGEST, REQUESTS, cursor_at, read_cursor
from web.dependencies import SubmitterOrReader, TheContext
from web.pool import BusyError
from web.problems import no_such_request, no_such_vendor, refuse_others

_LISTED = {
    **REQUEST_ID,
    "kind": "erasure",
    "status": "running",
    "subjects": 2,
    "duplicates": 0,
    "received_at": RECEIVED,
    "due_at": DUE,
    "submitted_by": "key:shop",
}
_DELIVERY = {
    "line": 1,
    "file_line": 2,
    "vendor": "insider",
    "outcome": "accepted",
    "reason": None,
    "attempts": 1,
    "settled_at": "2026-05-04T08:00:02.000Z",
    "done": say_done("insider", "erasure", "accepted", None),
    "superseded_by": None,
}


class ListedRequest(BaseModel):
    """A request in a list."""

    model_config = examples(_LISTED)
    request_id: UUID
    kind: Kind
    status: str
    subjects: int
    duplicates: int
    received_at: Moment
    due_at: Moment
    submitted_by: str


class RequestPage(BaseModel):
    """Requests, newest first. `next`: send it as `cursor` for the following page; null on the last."""

    model_config = examples({"requests": [_LISTED], "next": None})
    requests: list[ListedRequest]
    next: str | None


class Delivery(BaseModel):
    """One person at one vendor; `line` is the person's 1-based position in what was submitted."""

    model_config = examples(_DELIVERY)
    line: int
    file_line: int | None = Field(description="the line of the uploaded file that the person stands on")
    vendor: str
    outcome: str
    reason: str | None
    attempts: int
    settled_at: Moment | None
    done: str | None = Field(
        description="what was done at the vendor, how surely it is known and what it did not reach; null while pending",
        examples=["The four permission flags (e-mail, SMS, WhatsApp, call) were set to false. …"],
    )
    superseded_by: UUID | None = Field(
        default=None, description="the request with the newer wish that this delivery gave way to, where it did"
    )


class DeliveryPage(BaseModel):
    """Deliveries by vendor and line. `next` as in lists of requests."""

    model_config = examples({"deliveries": [_DELIVERY], "next": "WyJpbnNpZGVyIiwxXQ"})
    deliveries: list[Delivery]
    next: str | None


router = APIRouter(tags=["requests"])
NDJSON = "application/x-ndjson"
STREAMED_AT_ONCE = 2_000
WAITS_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Delay between attempts to reach the ledger in the middle of a stream."""
Limit = Annotated[int, Query(ge=1, le=1000, description="how many on a page")]
Cursor = Annotated[str | None, Query(max_length=LONGEST, description="`next` of the page before")]
RequestState = Literal["unconfirmed", "running", "completed", "completed_with_exceptions", "cancelled"]
OutcomeOrPending = Literal["pending"] | Outcome
_LINES: TypeAdapter[tuple[VendorName, int]] = TypeAdapter(tuple[VendorName, int])


@router.get("/v1/requests", summary="Requests, newest first")
async def list_requests(
    context: TheContext,
    principal: SubmitterOrReader,
    *,
    status: RequestState | None = None,
    kind: Kind | None = None,
    received_from: WrittenMoment | None = None,
    received_before: WrittenMoment | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> RequestPage:
    """Submitters see their own requests only."""
    wanted = Wanted(status, kind, received_from, received_before, principal.sees_only)
    after = Place(*read_cursor(cursor, REQUESTS)) if cursor is not None else None

    def find() -> list[listing.Listed]:
        with context.engine.connect() as connection:
            return listing.requests_by_receipt(connection, wanted, after, limit + 1)

    found = await context.reads.run(find)
    page, more = found[:limit], len(found) > limit
    return RequestPage(
        requests=[ListedRequest(**one._asdict()) for one in page], next=cursor_at(page[-1].place) if more else None
    )


@router.get(
    "/v1/requests/{request_id}/deliveries",
    summary="How each delivery stands",
    response_model=DeliveryPage,
    responses={200: {"content": {NDJSON: {"schema": {"type": "string"}}}}},
)
async def list_deliveries(
    request: Request,
    request_id: UUID,
    context: TheContext,
    principal: SubmitterOrReader,
    *,
    vendor: VendorName | None = None,
    outcome: OutcomeOrPending | None = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """By vendor and line. With `Accept: application/x-ndjson` all of them, a line each, from `cursor` on."""
    after = read_cursor(cursor, _LINES) if cursor is not None else ("", 0)
    numbers = await context.reads.run(lambda: _numbers(request, context, request_id, principal, vendor))
    pages = _Pages(context, numbers, outcome)
    if NDJSON in accept:
        request.state.target, request.state.kept = str(request_id), True
        return StreamingResponse(pages.lines_after(after), media_type=NDJSON)
    return Response(await context.reads.run(lambda: pages.page(after, limit)), media_type="application/json")


def _numbers(request: Request, context: Context, request_id: UUID, principal: Principal, vendor: str | None) -> Numbers:
    with context.engine.connect() as connection:
        numbers = listing.numbers_of(connection, request_id)
        if numbers is None:
            raise no_such_request()
        refuse_others(request, request_id, sees_only=principal.sees_only, submitted_by=numbers.submitted_by)
        if vendor is None:
            return numbers
        if vendor not in {one.name for one in vendors.all_vendors(connection)}:
            raise no_such_vendor()  # an empty page would suggest that nothing needs doing there
    return numbers._replace(vendors={name: id_ for name, id_ in numbers.vendors.items() if name == vendor})


class _Pages:
    """The deliveries of a request in pages, each queried separately: however slowly a client reads a stream, it keeps
    no connection and no snapshot of the ledger."""

    def __init__(self, context: Context, request: Numbers, outcome: str | None) -> None:
        self._context, self._request, self._outcome = context, request, outcome

    def _after(self, place: tuple[str, int], limit: int) -> list[Row]:
        with self._context.engine.connect() as connection:
            return listing.deliveries_page(connection, self._request, outcome=self._outcome, after=place, limit=limit)

    def page(self, place: tuple[str, int], limit: int) -> bytes:
        """A DeliveryPage. Run it, like `lines`, in a thread: writing thousands of rows would block others."""
        rows = self._after(place, limit + 1)
        more = cursor_at(_place(rows[limit - 1])) if len(rows) > limit else None
        return to_json({"deliveries": [self._as_json(row) for row in rows[:limit]], "next": more})

    def lines(self, place: tuple[str, int]) -> tuple[bytes, tuple[str, int]] | None:
        """The next deliveries, a line each, and where they end; None where there are no more."""
        rows = self._after(place, STREAMED_AT_ONCE)
        return (b"".join(to_json(self._as_json(row)) + b"\n" for row in rows), _place(rows[-1])) if rows else None

    def _as_json(self, row: Row) -> dict[str, object]:
        """A `Delivery`, in a third of the time."""
        done = say_done(row.vendor, self._request.kind, row.outcome, row.reason)
        return {**row._asdict(), "settled_at": row.settled_at and as_utc(row.settled_at), "done": done}

    async def lines_after(self, place: tuple[str, int]) -> AsyncIterator[bytes]:
        """All lines from there on."""
        while found := await self._in_time(place):
            lines, place = found
            yield lines

    async def _in_time(self, place: tuple[str, int]) -> tuple[bytes, tuple[str, int]] | None:
        for wait_s in WAITS_S:
            try:
                return await self._context.reads.run(lambda: self.lines(place))
            except BusyError:  # half of it is sent: refusing the rest would break the stream
                await asyncio.sleep(wait_s)
        return await self._context.reads.run(lambda: self.lines(place))


def _place(row: Row) -> tuple[str, int]:
    return row.vendor, row.line
