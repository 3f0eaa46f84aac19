"""OpenDSR's answers: bodies and headers of the specification, signed, and its error object."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.responses import Response

from adapters.receivers import Rules
from domain.opendsr import Version
from domain.signing import Signer
from intake.files.faults import KEPT
from tasks.attend import AttendError, NoSuchRequestError
from tasks.opendsr import CallbackError, OtherContentError
from tasks.subjects import Fault
from tasks.submission import FutureMomentError
from web import errors
from web.opendsr.reading import RefusedError

ERRORS_AS = "application/json;charset=UTF-8"
AT_THE_GATE = frozenset({401, 403, 408, 429})
"""Refusals before authentication. They are the same for everybody, so each is signed once: a signature costs a thousand
times as much."""


@dataclass(frozen=True)
class Processor:
    """Our identity as a processor, and the allowed callback addresses."""

    signer: Signer
    rules: Rules = field(repr=False)


def processor_of(request: Request) -> Processor:
    """The processor that answers this request."""
    processor: Processor = request.app.state.opendsr
    return processor


def answer(request: Request, status: int, body: Any) -> Response:
    """A signed answer."""
    raw = to_json(body)
    return Response(raw, status, processor_of(request).signer.headers(raw), "application/json")


def answer_to_anybody(request: Request, body: Any) -> Response:
    """The same for a fixed answer to anybody: it is signed once."""
    raw = to_json(body)
    return Response(raw, 200, _signed_once(processor_of(request).signer, raw), "application/json")


@lru_cache(maxsize=64)
def _signed_once(signer: Signer, raw: bytes) -> dict[str, str]:
    return signer.headers(raw)


class Refusal(NamedTuple):
    """The specification's error object (7.6). `kind` is its `domain`, `reason` a word of ours."""

    status: int
    kind: str
    reason: str
    messages: list[str]
    headers: Mapping[str, str]


def refusal_of(error: Exception) -> Refusal:
    """The OpenDSR form of an exception of ours or of the framework's. Raises it where it is neither."""
    match error:
        case RefusedError():
            return _invalid(error.faults)
        case CallbackError():
            return _invalid([Fault(f"status_callback_urls.{error.place}", str(error))])
        case FutureMomentError():  # no other moment can be given
            return _invalid([Fault("submitted_time", "is in the future: give the moment when the person asked")])
        case OtherContentError():
            return Refusal(409, "Validation", "conflict", [str(error)], {})
        case NoSuchRequestError():
            return Refusal(404, "Validation", "not_found", ["there is no request of this subject_request_id"], {})
        case AttendError():  # the specification only has 400, and only lets pending requests be cancelled (7.5, 9)
            return Refusal(400, "Validation", "not_pending", [str(error)], {})
    problem = errors.of(error)
    if problem.status_code in {400, 415, 422}:
        faults = [Fault(one.field, one.problem) for one in problem.faults]
        return _invalid(faults) if faults else Refusal(400, "Validation", "invalid", [problem.detail], {})
    kind = "Authentication" if problem.status_code in {401, 403} else "Service"
    reason = problem.kind.replace("-", "_")
    return Refusal(problem.status_code, kind, reason, [problem.detail], problem.headers or {})


def _invalid(faults: list[Fault] | tuple[Fault, ...]) -> Refusal:
    messages = [f"{fault.field or 'the body'} {fault.problem}" for fault in faults[:KEPT]]
    return Refusal(400, "Validation", "invalid", messages, {})


def error_body(refusal: Refusal, version: Version) -> dict[str, Any]:
    """The error object: under `error` in the specification, at the top in the examples of the 3.0 shape, which gets
    both."""
    details = [{"domain": refusal.kind, "reason": refusal.reason, "message": one} for one in refusal.messages]
    error = {"code": refusal.status, "message": refusal.messages[0], "errors": details}
    return {"error": error} | error if version is Version.V3 else {"error": error}


class DsrRoute(APIRoute):
    """A route that refuses in the specification's form."""

    version: ClassVar[Version]

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own, with its exceptions answered in our form."""
        handle = super().get_route_handler()

        async def handle_or_refuse(request: Request) -> Response:
            try:
                return await handle(request)
            except (RefusedError, CallbackError, *errors.HANDLED) as error:
                return self._refuse(request, refusal_of(error))

        return handle_or_refuse

    def _refuse(self, request: Request, refusal: Refusal) -> Response:
        raw = to_json(error_body(refusal, self.version))
        signer = processor_of(request).signer
        signed = _signed_once(signer, raw) if refusal.status in AT_THE_GATE else signer.headers(raw)
        headers = {**refusal.headers, **signed, "Pragma": "no-cache", "Content-Type": ERRORS_AS}
        return Response(raw, refusal.status, headers)


class DsrRouteV2(DsrRoute):
    """In the shape of the specification."""

    version = Version.V2


class DsrRouteV3(DsrRoute):
    """In the 3.0 shape."""

    version = Version.V3


ROUTES: Mapping[Version, type[DsrRoute]] = {Version.V2: DsrRouteV2, Version.V3: DsrRouteV3}
