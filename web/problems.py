"""Errors over HTTP: problem details (RFC 9457), never with a submitted value."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import Request
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response

from domain.emails import NO_EMAIL
from domain.refused_values import problem_of
from intake.files.faults import Fault, Faults
from tasks.subjects import PROBLEMS, advice, shown
from web import http_request_id

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:consent:problem:"
INSTANCE = "urn:consent:http-request:"


class Problem(HTTPException):
    """A request that is answered with a problem. `faults`: what is wrong with what was submitted, by line and field;
    `total` of them where not all are listed."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        total: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.kind, self.faults = kind, tuple(faults)
        self.total = len(self.faults) if total is None else total

    @classmethod
    def unusable(cls, detail: str, faults: Sequence[Fault] = (), total: int | None = None) -> "Problem":
        """What was submitted cannot be accepted as it is; nothing was recorded."""
        return cls(422, "unusable", detail, faults=faults, total=total)

    @classmethod
    def later(cls, status: int, kind: str, detail: str, after_s: float) -> "Problem":
        """It cannot be done now: ask again after so many seconds."""
        return cls(status, kind, detail, headers={"Retry-After": str(max(1, round(after_s + 0.5)))})

    def document(self, name: str) -> dict[str, Any]:
        """The body, for the HTTP request of this id."""
        body: dict[str, Any] = {
            "type": TYPE + self.kind,
            "title": HTTPStatus(self.status_code).phrase,
            "status": self.status_code,
            "detail": self.detail,
        }
        if self.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:  # of the others our log says nothing
            body["instance"] = INSTANCE + name
        if self.faults:
            body["errors"] = [_as_json(fault) for fault in self.faults]
            body["errors_total"] = self.total
        return body

    def response(self, name: str | None = None) -> Response:
        """The answer to the HTTP request of this id; None: the present one."""
        return Response(
            to_json(self.document(name or http_request_id.current())), self.status_code, self.headers, MEDIA_TYPE
        )


def _as_json(fault: Fault) -> dict[str, Any]:
    line = {"line": fault.line} if fault.line else {}
    return {**line, "field": fault.field, "problem": fault.problem}


NOWHERE = 0
"""The line of a fault in something without lines."""


def faults_of(errors: Sequence[Any], prefix: Sequence[str] = ()) -> list[Fault]:
    """Faults from pydantic's errors, in our words, with the path of the field and never its value."""
    return [
        Fault(
            NOWHERE,
            ".".join(shown(part) for part in (*prefix, *error["loc"])),
            problem_of(error, PROBLEMS),
        )
        for error in errors
    ]


def first(faults: Sequence[Fault]) -> tuple[list[Fault], int]:
    """The faults to list one by one, and how many there are."""
    bounded = Faults()
    for fault in faults:
        bounded.add(*fault)
    return bounded.kept, bounded.total


def advised(detail: str, faults: Sequence[Fault]) -> str:
    """The same, with what to do where a submitter may overrule."""
    what_to_do = advice(fault.problem for fault in faults)
    return f"{detail}; {what_to_do}" if what_to_do else detail


def no_such_request() -> Problem:
    """There is no such request, or none that this principal may see: the answer does not say which."""
    return Problem(404, "no-such-request", "there is no request of this id")


def refuse_others(request: Request, request_id: object, *, sees_only: str | None, submitted_by: str) -> None:
    """Raise `no_such_request` where a principal may only see their own requests and this is another's. The answer is
    the same as for a missing one, and the audit log records it."""
    if sees_only not in (None, submitted_by):
        request.state.target, request.state.denied = str(request_id), True
        raise no_such_request()


def no_such_vendor() -> Problem:
    """The workers have never announced a vendor of this name."""
    return Problem(404, "no-such-vendor", "there is no vendor of this name; GET /v1/vendors lists them")


def crashed() -> Problem:
    """A fault of our own."""
    return Problem(500, "our-fault", "our own program failed at this; it is in our log, without what was sent")


SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "additionalProperties": False,
    "properties": {
        "type": {"type": "string", "examples": [f"{TYPE}unusable"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what was wrong, and what to do; never a submitted value"},
        "instance": {
            "type": "string",
            "description": "of 5xx: ends as the header X-Request-Id, by which our log tells of it",
        },
        "errors": {
            "type": "array",
            "description": "the first 20",
            "items": {
                "type": "object",
                "required": ["field", "problem"],
                "additionalProperties": False,
                "properties": {
                    "line": {"type": "integer", "description": "1-based, of an uploaded file"},
                    "field": {"type": "string", "examples": ["subjects.3.email"]},
                    "problem": {"type": "string", "examples": [NO_EMAIL]},
                },
            },
        },
        "errors_total": {"type": "integer"},
    },
    "examples": [
        {
            "type": "urn:consent:problem:unusable",
            "title": "Unprocessable Entity",
            "status": 422,
            "detail": "some of the people cannot be taken; nothing was recorded",
            "errors": [{"field": "subjects.3.email", "problem": NO_EMAIL}],
            "errors_total": 1,
        }
    ],
}
"""The JSON schema of a problem, for the OpenAPI document."""
