"""The OpenAPI document: what the routes declare, the bodies that they read themselves, and their refusals."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from pydantic_core import to_json
from starlette.responses import Response

from web import problems
from web.access.cookies import PREFIX, SESSION
from web.api.deeds import Accept, Close, Extend, Forget, Retry
from web.api.legal_holds import NewHold, Release
from web.api.models import REF
from web.api.people import Person
from web.api.requests import NewRequest
from web.api.selections import CloseSelected, Selected
from web.api.session import Login
from web.api.suppression import PeopleToCheck
from web.api.vendors import Retire
from web.dependencies import TheContext

router = APIRouter()
BODIES: tuple[type[BaseModel], ...] = (
    NewRequest,
    Retry,
    Close,
    Accept,
    Extend,
    Forget,
    Selected,
    CloseSelected,
    Retire,
    Person,
    PeopleToCheck,
    NewHold,
    Release,
    Login,
)
REFUSALS = {
    "400": "not JSON, or a parameter that cannot be read",
    "401": "no key or session, or one that opens nothing",
    "403": "known, and not allowed",
    "404": "no such thing, or none that this principal may see",
    "405": "no such method here",
    "408": "the body came too slowly",
    "409": "not in the state it is in",
    "413": "the body is too large",
    "415": "a media type that is not taken here",
    "422": "something in it cannot be taken; nothing was recorded",
    "429": "too often, too much at once, or guessing; see Retry-After",
    "431": "path and headers are too large",
    "500": "a fault of our own",
    "503": "PostgreSQL, Redis or the identity provider is away; see Retry-After",
}

SESSION_COOKIE = f"of a console user who logged in; over TLS {PREFIX}{SESSION}, on loopback {SESSION}_PORT"
RETRY_AFTER: Mapping[str, Any] = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}


@router.get("/openapi.json", response_class=Response, include_in_schema=False)
@router.get("/v1/openapi.json", response_class=Response, include_in_schema=False)
async def document(request: Request, context: TheContext) -> Response:
    """The OpenAPI document. It is open: it tells nothing of anybody, and tools load it without a key."""
    app: FastAPI = request.app
    # In a thread, and once: to put it together takes seconds of a slow machine, in which others want to be served.
    body: bytes | None = getattr(app.state, "openapi_body", None)
    if body is None:
        body = app.state.openapi_body = await context.reads.run(lambda: to_json(app.openapi()))
    return Response(body, media_type="application/json")


def install(app: FastAPI) -> None:
    """Make this app serve the complete document."""
    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not made:
            made.update(_document(app))
        return made

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to change the document


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title="consent-worker",
        version="1",
        summary="Delivers erasure, opt-out and opt-in requests to every vendor, and keeps the record.",
        routes=app.routes,
    )
    _, schemas = models_json_schema([(model, "validation") for model in BODIES], ref_template=REF)
    components = document.setdefault("components", {})
    known = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        known.pop(unused, None)
    known.update(schemas["$defs"])
    for name, examples in _examples(app).items():  # FastAPI leaves out null values in them
        known[name]["examples"] = examples
    known["Problem"] = dict(problems.SCHEMA)
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "an API key, cw_…"},
        "session": {"type": "apiKey", "in": "cookie", "name": SESSION, "description": SESSION_COOKIE},
    }
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            _describe_refusals(operation["responses"])
            if (method, path) not in OPEN:
                operation["security"] = [{"key": []}, {"session": []}]
    return document


def _examples(app: FastAPI) -> dict[str, Any]:
    """The examples of the routes' answers, by model."""
    routes = [context.original_route for context in iter_route_contexts(app.routes)]
    answers = {
        model
        for route in routes
        if isinstance(route, APIRoute)
        for model in (route.response_model, *(answer.get("model") for answer in route.responses.values()))
        if isinstance(model, type) and issubclass(model, BaseModel)
    }
    _, schemas = models_json_schema([(model, "serialization") for model in sorted(answers, key=str)], ref_template=REF)
    return {name: schema["examples"] for name, schema in schemas["$defs"].items() if "examples" in schema}


OPEN = frozenset(
    {
        ("get", "/healthz"),
        ("get", "/readyz"),
        ("get", "/.well-known/consent-worker/keys"),
        ("post", "/v1/session"),
        ("get", "/v1/session/oidc"),
        ("get", "/v1/session/oidc/callback"),
    }
)
"""Paths without authentication."""


def _describe_refusals(responses: dict[str, Any]) -> None:
    content: Mapping[str, Any] = {problems.MEDIA_TYPE: {"schema": {"$ref": REF.format(model="Problem")}}}
    for status, description in REFUSALS.items():
        known = responses.get(status)
        if known is None or "HTTPValidationError" in str(known):
            responses[status] = {"description": description, "content": dict(content)}
            if "Retry-After" in description:
                responses[status]["headers"] = dict(RETRY_AFTER)
