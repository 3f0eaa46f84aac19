"""Which problem answers each exception of ours and of the framework's."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from domain.refused_values import problem_of
from intake.files.faults import Fault, UnusableInputError
from ledger.delivery.restored import RestoredError
from ledger.failures import LedgerError
from ledger.sealing import UnsealError
from tasks.attend import AttendError, NoSuchRequestError
from tasks.subjects import PROBLEMS, SubjectError
from tasks.submission import KeyConflictError, SubmitError
from web.pool import BusyError
from web.problems import NOWHERE, Problem, advised, first, no_such_request

UNREADABLE = (
    "this was sealed under a master key that is not given to this process, or was given up: "
    "`consent master-key status` names the keys"
)
SAME_KEY = "whether the request was recorded is not known: send it again with the same Idempotency-Key"


def of(error: Exception) -> Problem:  # noqa: PLR0912 - a table
    """The problem of an exception of ours or of the framework's. Raises it where it is neither."""
    match error:
        case Problem():
            return error
        case KeyConflictError():
            return Problem(409, "idempotency-key-taken", str(error))
        case SubmitError():
            return Problem.unusable(f"{error}; nothing was recorded")
        case UnusableInputError():
            message = advised("some of it cannot be taken; nothing was recorded", error.faults)
            return Problem.unusable(message, error.faults, error.total)
        case SubjectError():
            found = [Fault(NOWHERE, fault.field, fault.problem) for fault in error.faults]
            return Problem.unusable(advised("this is no person we can look for", found), found)
        case NoSuchRequestError():
            return no_such_request()
        case AttendError() | RestoredError():
            return Problem(409, "not-in-this-state", str(error))
        case BusyError():
            return Problem.later(429, "busy", "more is coming in than can be recorded; nothing of this was", 1)
        case LedgerError(lost=True):
            return Problem.later(503, "ledger-away", f"PostgreSQL: {error}; {SAME_KEY}", 5)
        case LedgerError():
            return Problem.later(503, "ledger-away", f"PostgreSQL: {error}; nothing was recorded", 5)
        case UnsealError():
            return Problem(500, "misconfigured", UNREADABLE)
        case RequestValidationError():
            kept, total = first([_of_a_parameter(fault) for fault in error.errors()])
            return Problem.unusable("some of what was asked cannot be understood", kept, total)
        case HTTPException():
            return _of_the_framework(error)
    raise error


def _of_a_parameter(error: Any) -> Fault:
    """Its name is the route's, not the client's, so it can be shown."""
    return Fault(NOWHERE, ".".join(map(str, error["loc"])), problem_of(error, PROBLEMS))


def _of_the_framework(error: HTTPException) -> Problem:
    known = {
        404: ("not-found", "there is nothing of this name here"),
        405: ("method-not-allowed", "this path does not take that method"),
    }
    kind, detail = known.get(error.status_code, ("refused", HTTPStatus(error.status_code).phrase))
    return Problem(error.status_code, kind, detail, headers=error.headers)


HANDLED = (
    HTTPException,
    RequestValidationError,
    SubmitError,
    UnusableInputError,
    SubjectError,
    AttendError,
    RestoredError,
    BusyError,
    LedgerError,
    UnsealError,
)
"""What the routes may raise, for `of` to turn into problems."""


PageOf = Callable[[Scope, Problem], Response | None]
"""The page that tells a browser of a problem; None where a page is not what was asked for."""


def no_page(_: Scope, __: Problem) -> Response | None:
    """For an app without pages."""
    return None


def install(app: FastAPI, page_of: PageOf = no_page) -> None:
    """Have this app answer with problems only, as pages or as JSON."""

    async def answer(request: Request, error: Exception) -> Response:
        problem = of(error)
        if problem.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            problem.headers = {"Allow": ", ".join(_methods(app, request.scope))}
        return page_of(request.scope, problem) or problem.response()

    async def gone(_: Request, __: Exception) -> Response:
        return Response(status_code=499)  # nobody reads it; nginx's number for it, for our audit log

    for kind in HANDLED:
        app.add_exception_handler(kind, answer)
    app.add_exception_handler(ClientDisconnect, gone)


def _methods(app: FastAPI, scope: Scope) -> list[str]:
    """All methods of this path; the framework only knows those of its first route."""
    routes = (context.original_route for context in iter_route_contexts(app.routes))
    here = [route for route in routes if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE]
    return sorted({method for route in here for method in route.methods or ()})
