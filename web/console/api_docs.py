"""The interactive page of the API, from files of ours alone and under a policy of its own. It is open, as its document
is: who tries something there shows a key."""

from fastapi import Request
from starlette.responses import Response

from web.console.pages import page
from web.console.routing import page_router

router = page_router()
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""Swagger UI shows icons from its own styles, as `data:`."""


@router.get("/docs")
async def show(request: Request) -> Response:
    """All that the HTTP API takes and answers, to be tried out."""
    response = page(request, "docs.html")
    response.headers["Content-Security-Policy"] = POLICY
    return response
