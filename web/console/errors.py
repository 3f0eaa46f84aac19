"""Error pages, and the way to the sign-in page."""

from typing import Any
from urllib.parse import quote

from fastapi import Request
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from web import http_request_id
from web.access import cookies
from web.access.gate import COOKIE
from web.console.pages import go_to, page
from web.console.routing import PageRoute
from web.problems import Problem

NOT_PAGES = ("/v1/", "/opendsr", "/healthz", "/readyz", "/.well-known/")
TITLES = {
    401: "Sign in first",
    403: "You may not do this",
    404: "There is no such page",
    405: "This page does not take that",
    409: "This cannot be done now",
    413: "Too large",
    422: "Something is missing or wrong",
    429: "Too many at once",
    500: "Something broke on our side",
    503: "The ledger cannot be reached",
}


def page_of(scope: Scope, problem: Problem) -> Response | None:
    """The page that tells a browser of this problem; None where a page is not what was asked for."""
    if not _wants_page(scope):
        return None
    request = Request(scope)
    if problem.status_code == 401:
        return _to_sign_in(request)
    values: dict[str, Any] = {"title": TITLES.get(problem.status_code, "This did not work"), "problem": problem}
    server = problem.status_code >= 500
    values["name"] = http_request_id.current() if server else ""
    response = page(request, "error.html", status=problem.status_code, **values)
    response.headers.update(problem.headers or {})
    return response


def _wants_page(scope: Scope) -> bool:
    route = scope.get("route")
    if route is not None:
        return isinstance(route, PageRoute)
    return not scope["path"].startswith(NOT_PAGES) and "text/html" in Headers(scope=scope).get("accept", "")


def _to_sign_in(request: Request) -> Response:
    """Nobody is turned away by being asked who they are; who showed something that opens nothing is on record."""
    request.state.denied = bool(request.headers.get("authorization") or cookies.read(request, COOKIE))
    back = request.url.path if request.method == "GET" else "/"
    path = "/sign-in" if back == "/" else f"/sign-in?next={quote(back)}"
    if request.headers.get("hx-request"):  # the whole page is to go there, not a part of it
        return Response(status_code=401, headers={"HX-Redirect": path})
    return go_to(request, path)
