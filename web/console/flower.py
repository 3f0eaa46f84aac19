"""The way to Flower, which shows workers and what they do now; it has a password of its own."""

from fastapi import Request
from starlette.responses import Response

from web import flower_place
from web.console.pages import go_to
from web.console.routing import page_router
from web.dependencies import Reader, TheContext
from web.problems import Problem

router = page_router()


@router.get("/flower")
async def go(request: Request, context: TheContext, _: Reader) -> Response:
    """Lead there."""
    if not flower_place.runs(context.settings):
        raise Problem(404, "not-found", "Flower does not run here")
    return go_to(request, flower_place.address(context.settings, request.url.hostname or "127.0.0.1"))
