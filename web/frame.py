"""The frame around every HTTP request: limits on its body, an audit entry where one is due, and no trace in any log."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.unexpected import type_and_place
from intake.access.rate_limit import Quota
from ledger.accounts.audit import Entry
from ledger.failures import LedgerError
from web import errors, http_request_id, problems
from web.audit_trail import NOBODY, Trail
from web.bodies import STATE, bounded
from web.errors import PageOf, no_page
from web.memory import GivesBack
from web.origin import origin_of
from web.problems import Problem

READING = frozenset({"GET", "HEAD", "OPTIONS"})
DENIED = frozenset({401, 403, 429})
HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)

LINGERS_S, LINGERS_BYTES = 2.0, 64_000_000
"""A refused client may go on sending for this long, and this much. Closing a connection with unread data makes TCP
discard the answer, and a client that sends before it reads would see a broken connection and no reason."""

log = logging.getLogger(__name__)


class Frame:
    """ASGI middleware around all routes. Every change, and every denial, is in the audit log before its answer is sent.
    A route names what it was done to in `request.state.target`, and in `because` what else to record of it. It sets
    `request.state.audited` where the entry was written with the deed itself, `denied` where the answer does not show
    the denial, and `kept` where reading alone must be recorded."""

    def __init__(self, app: ASGIApp, trail: Trail, page_of: PageOf = no_page) -> None:
        self._app, self._trail, self._page_of, self._memory = app, trail, page_of, GivesBack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        name = http_request_id.begin(_header(scope, http_request_id.HEADER))
        answer = _Answer(scope, receive, send, self._trail)
        try:
            await self._app(scope, bounded(scope, receive), answer.send)
        except Exception as error:  # noqa: BLE001 - the last one who can answer; a trace might quote what was sent
            log.error("%s failed: %s (request %s)", deed_of(scope), type_and_place(error), name)
            if not answer.started:
                crashed = problems.crashed()
                await (self._page_of(scope, crashed) or crashed.response())(scope, receive, answer.send)
            else:
                raise BrokenAnswerError from None
        finally:
            self._memory.note(scope["state"][STATE].seen)


def complete(problem: Problem) -> Response:
    """An answer that bypasses the frame, with all that the frame would add; the last one on its connection."""
    name = http_request_id.current()
    response = problem.response(name)
    response.raw_headers += [*HEADERS, (http_request_id.HEADER, name.encode()), (b"connection", b"close")]
    return response


def _header(scope: Scope, wanted: bytes) -> bytes | None:
    return next((value for name, value in scope["headers"] if name == wanted), None)


class BrokenAnswerError(Exception):
    """An answer was cut off. The connection is closed, so that nobody takes it for complete."""


def deed_of(scope: Scope) -> str:
    """Method and path as the route declares it: the values of its parameters may be anything."""
    route: Any = scope.get("route")
    return f"{scope['method']} {getattr(route, 'path', '(no such path)')}"


class _Answer:
    """One answer, held back until its audit entry is committed."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, trail: Trail) -> None:
        self._scope, self._receive, self._send, self._trail = scope, receive, send, trail
        self.started = False
        self._replaced = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            named = {name for name, _ in given}
            message["headers"] = [
                *given,
                *(one for one in HEADERS if one[0] not in named),  # a page has some of its own
                (http_request_id.HEADER, http_request_id.current().encode()),
                *self._quota(),
            ]
            if not self._body_is_whole():
                # The body was not read to its end, so no request can follow on this connection.
                message["headers"].append((b"connection", b"close"))
            problem = await self._noted(message["status"])
            self.started = True
            if problem is not None:
                self._replaced = True
                await complete(problem)(self._scope, _nothing, self._send)
        if not self._replaced:
            await self._hand_on(message)

    def _quota(self) -> Sequence[tuple[bytes, bytes]]:
        quota: Quota | None = self._scope["state"].get("quota")
        return quota.headers() if quota is not None else ()

    async def _hand_on(self, message: Message) -> None:
        if message["type"] != "http.response.body" or message.get("more_body") or self._body_is_whole():
            await self._send(message)
            return
        await self._send({**message, "more_body": True})  # which is all of it, by its Content-Length
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGERS_S):
                await self._read_on()
        await self._send({"type": "http.response.body"})

    async def _read_on(self) -> None:
        read, more = 0, True
        while more and read < LINGERS_BYTES:
            message = await self._receive()
            read += len(message.get("body", b""))
            more = message.get("more_body", False)

    def _body_is_whole(self) -> bool:
        whole: bool = self._scope["state"][STATE].whole
        return whole

    async def _noted(self, status: int) -> Problem | None:
        state = self._scope["state"]
        turned_away = status in DENIED or state.get("denied") or state.get("kept")
        if state.get("audited") or (self._scope["method"] in READING and not turned_away):
            return None
        try:
            await self._trail.add(self._entry(status))
        except LedgerError as error:
            return None if status >= 500 else errors.of(LedgerError(str(error), lost=True))
        return None

    def _entry(self, status: int) -> Entry:
        state = self._scope["state"]
        principal = state.get("principal")
        by = principal.name if principal is not None else NOBODY
        allowed = principal is not None and status not in DENIED and not state.get("denied")
        return Entry(
            by,
            deed_of(self._scope),
            allowed,
            state.get("target"),
            status,
            because=state.get("because"),
            account=state.get("account"),
            **origin_of(self._scope)._asdict(),
        )


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
