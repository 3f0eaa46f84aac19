"""The HTTP app: every way in over the network, in one frame."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from web import errors
from web.access.gate import Gate
from web.api import (
    answers,
    attention,
    audit,
    deeds,
    health,
    legal_holds,
    lists,
    metrics,
    openapi,
    people,
    report,
    requests,
    selections,
    session,
    signing_keys,
    status,
    suppression,
    upload,
    vendors,
    webhooks,
)
from web.audit_trail import Trail
from web.console import routes as console
from web.console.errors import page_of
from web.console.live import Live
from web.console.long_work import LongWork
from web.context import Context
from web.frame import Frame
from web.opendsr.answers import Processor
from web.opendsr.routes import open_opendsr

ROUTERS = (
    requests.router,
    health.router,
    signing_keys.router,
    metrics.router,
    status.router,
    upload.router,
    lists.router,
    deeds.router,
    selections.router,
    people.router,
    suppression.router,
    legal_holds.router,
    answers.router,
    report.router,
    attention.router,
    vendors.router,
    audit.router,
    webhooks.router,
    session.router,
    openapi.router,
    *console.ROUTERS,
)
"""In the order in which they are tried for a path, the busiest first. Every router gets its Context with
`Depends(the_context)` and admits only through `Depends(allowed(…))`."""


ROUTES = tuple(route for router in ROUTERS for route in router.routes)
"""One list, as FastAPI's `include_router` keeps a tree: it looks into each router for every request, and prepares
every route a second time."""


def create_app(context: Context, processor: Processor | None = None) -> FastAPI:
    """The app of this context, which it does not close. Without a `processor` OpenDSR is left out, and OIDC where the
    settings name no provider."""
    trail, gate = Trail(context.engine), Gate(context)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await gate.close()
        trail.close()

    # FastAPI's documentation pages load scripts from other hosts; ours is the console's. No redirects to a path without
    # its last slash: a POST may be repeated elsewhere without its body or its key.
    app = FastAPI(
        title="consent-worker",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.context, app.state.gate, app.state.trail = context, gate, trail
    app.state.live = Live(context.reads)
    app.state.long_work = LongWork()
    app.router.routes.extend(ROUTES)
    if context.settings.oidc is not None:
        from web.api.oidc import open_oidc  # noqa: PLC0415 - few want it, and what it needs takes a while to load

        open_oidc(app, context.settings.oidc, context.settings.egress())
    if processor is not None:
        open_opendsr(app, processor)
    errors.install(app, page_of)
    openapi.install(app)
    app.add_middleware(Frame, trail=trail, page_of=page_of)
    return app
