"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) to pages that are seen."""

from collections.abc import AsyncIterator
from time import monotonic

from fastapi import Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import HTMLResponse, Response

from intake.access.roles import Principal
from web.access.gate import Gate
from web.console.live import Live, Render
from web.console.pages import HEADERS
from web.context import Context
from web.problems import Problem

CHECKED_S = 5.0
"""How often it is looked whether the session still opens, with the same role."""
AGAIN_MS = 3_000
"""After so long a browser asks again for a stream that was cut off."""
PING_S = 15


async def part(context: Context, render: Render) -> Response:
    """The part of a page as it is now, for a page that has no stream."""
    return HTMLResponse((await context.reads.run(render)).html, headers=dict(HEADERS))


def stream(request: Request, principal: Principal, key: object, render: Render) -> Response:
    """The part of a page whenever it changes, until it is over, the session is, or the server stops."""
    live: Live = request.app.state.live
    live.refuse_crowd(principal.name)
    return EventSourceResponse(
        _events(request, principal, live, key, render), ping=PING_S, sep="\n", headers=dict(HEADERS)
    )


async def _events(
    request: Request, principal: Principal, live: Live, key: object, render: Render
) -> AsyncIterator[ServerSentEvent]:
    sent, checked = 0, monotonic()
    try:
        async with live.watching(key, render, principal.name) as topic:
            while True:
                if await topic.newer_than(sent, CHECKED_S) and topic.shown is not None:
                    sent = topic.version
                    yield ServerSentEvent(topic.shown.html, event="live", retry=AGAIN_MS)
                    if topic.shown.over:
                        break
                if monotonic() - checked > CHECKED_S:
                    checked = monotonic()
                    if not await _still(request, principal):
                        break
        yield ServerSentEvent("", event="over")
    except Problem:  # others came first
        return


async def _still(request: Request, principal: Principal) -> bool:
    gate: Gate = request.app.state.gate
    try:
        return await gate.principal(request, is_use=False) == principal
    except Problem as problem:
        return problem.status_code == 429
