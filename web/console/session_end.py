"""For how long a session lasts still, so that a page can warn before it ends."""

from fastapi import Request

from intake.access.tokens import digest_of
from ledger.accounts import logins
from web.access import cookies
from web.access.gate import COOKIE, Gate
from web.console.routing import page_router
from web.context import Context
from web.dependencies import Anybody, Onlooker, TheContext

router = page_router()
WARNED_S = 120.0
"""So long before the end a page warns; a quarter of the idle time where that is less."""


@router.get("/session/left", response_model=None)
async def left(request: Request, context: TheContext, _: Onlooker) -> dict[str, int]:
    """In how many seconds it ends, and from how many on to warn. To ask does not keep it."""
    return await _left(request, context)


@router.get("/session/stay", response_model=None)
async def stay(request: Request, context: TheContext, _: Anybody) -> dict[str, int]:
    """The same, asked by a person, who keeps it by that."""
    return await _left(request, context)


async def _left(request: Request, context: Context) -> dict[str, int]:
    gate: Gate = request.app.state.gate
    digest = digest_of(cookies.read(request, COOKIE) or "")

    def find() -> float:
        with context.engine.connect() as connection:
            return logins.left_s(connection, digest, idle_s=gate.idle_s)

    return {"seconds": int(await context.reads.run(find)), "warn": int(min(WARNED_S, gate.idle_s / 4))}
