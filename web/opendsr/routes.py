"""OpenDSR: discovery, and data subject requests submitted, queried and cancelled, in versions 2.0 and 3.0.

Its paths, fields and statuses are the specification's (https://github.com/opengdpr/OpenDSR); see docs/opendsr.md.
"""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response

from config.opendsr import LOCAL_DOMAIN
from domain.opendsr import Version, received, status_body, withdrawn
from ledger.accounts.audit import HERE, Origin
from tasks.attend import NoSuchRequestError
from tasks.opendsr import DsrRequests
from web.access.gate import Principal, Right, allowed
from web.bodies import allowance_of, media_type
from web.context import Context
from web.dependencies import TheContext
from web.opendsr.answers import ROUTES, Processor, answer, answer_to_anybody, processor_of
from web.opendsr.identities import SUPPORTED
from web.opendsr.reading import LONGEST_BODY, LONGEST_GROUP, read_id, read_request
from web.origin import origin_of
from web.problems import Problem

ROOT = "/opendsr"
CERTIFICATE = f"{ROOT}/certificate.pem"


def open_opendsr(app: FastAPI, processor: Processor) -> None:
    """Add these routes to an app that has its `Context` and its `Gate`."""
    app.state.opendsr = processor
    for version in Version:
        app.include_router(router(version))
    app.add_api_route(CERTIFICATE, certificate, include_in_schema=False)


def router(version: Version) -> APIRouter:
    """The routes of one version. They are specified elsewhere, so the OpenAPI document leaves them out."""
    major, _, _ = version.value.partition(".")
    routes = APIRouter(prefix=f"{ROOT}/v{major}", route_class=ROUTES[version], include_in_schema=False)

    @routes.get("/discovery")
    @routes.get("/discovery/")
    async def discovery(request: Request) -> Response:
        domain = processor_of(request).signer.domain
        return answer_to_anybody(request, _discovery(version, str(request.base_url), domain))

    @routes.post("/requests")
    @routes.post("/requests/")
    async def submit(request: Request, context: TheContext, controller: Submitting) -> Response:
        allowance_of(request).most = LONGEST_BODY
        if media_type(request) != "application/json":
            raise Problem(415, "not-json", "send JSON, and say so: Content-Type: application/json")
        body = await request.body()
        processor = processor_of(request)
        asked = read_request(body, version, processor.signer.domain)
        request.state.target = str(asked.id)
        taken = await context.intake.run(
            lambda: _dsr_requests(context, processor, controller, origin_of(request.scope)).take(asked)
        )
        request.state.target = str(taken.state.request_id)
        request.state.audited = not taken.repeated
        return answer(request, 201, received(taken.state, b64encode(body).decode()))

    @routes.get("/requests")
    @routes.get("/requests/")
    async def show_group(request: Request, context: TheContext, controller: Asking, group_id: GroupId) -> Response:
        processor = processor_of(request)
        found = await context.reads.run(lambda: _dsr_requests(context, processor, controller).look_at_group(group_id))
        return answer(request, 200, [status_body(state, version, processor.signer.domain) for state in found])

    @routes.get("/requests/{subject_request_id}")
    @routes.get("/status/{subject_request_id}")  # section 3.1 requires an endpoint `/status`, and shows the other one
    async def show(request: Request, subject_request_id: str, context: TheContext, controller: Asking) -> Response:
        meant, processor = read_id(subject_request_id), processor_of(request)
        with _on_record(request, meant):
            state = await context.reads.run(lambda: _dsr_requests(context, processor, controller).look(meant))
        return answer(request, 200, status_body(state, version, processor.signer.domain))

    @routes.delete("/requests/{subject_request_id}")
    async def cancel(
        request: Request, subject_request_id: str, context: TheContext, controller: Submitting
    ) -> Response:
        at, meant, processor = datetime.now(UTC), read_id(subject_request_id), processor_of(request)
        request.state.target = str(meant)
        with _on_record(request, meant):
            state = await context.intake.run(lambda: _dsr_requests(context, processor, controller).withdraw(meant))
        request.state.target = str(state.request_id)
        return answer(request, 202, withdrawn(state, version, at))

    return routes


@contextmanager
def _on_record(request: Request, meant: UUID) -> Iterator[None]:
    """Record an id that is not this controller's in the audit log: it may be another's."""
    try:
        yield
    except NoSuchRequestError:
        request.state.target, request.state.denied = str(meant), True
        raise


def _discovery(version: Version, base_url: str, domain: str) -> dict[str, object]:
    return {
        "api_version": version.value,
        "supported_identities": [{"identity_type": type_, "identity_format": "raw"} for type_ in SUPPORTED],
        "supported_subject_request_types": ["erasure"],
        "processor_certificate": _certificate_url(base_url, domain),
    }


def _certificate_url(base_url: str, domain: str) -> str:
    # On our public domain, whichever host this request used; on one machine, on the host it used.
    return base_url.rstrip("/") + CERTIFICATE if domain == LOCAL_DOMAIN else f"https://{domain}{CERTIFICATE}"


async def certificate(request: Request) -> Response:
    """The certificate that verifies our signatures, with its chain."""
    return Response(processor_of(request).signer.certificate, media_type="application/pem-certificate-chain")


def _controller(*rights: Right) -> object:
    async def controller(principal: Annotated[Principal, Depends(allowed(*rights))]) -> str:
        if not principal.name.startswith("key:"):
            raise Problem(403, "forbidden", "OpenDSR takes API keys only")
        return principal.name

    return Depends(controller)


Submitting = Annotated[str, _controller(Right.SUBMIT)]
Asking = Annotated[str, _controller(Right.SUBMIT, Right.READ)]
"""The name of an API key: it is the controller, and sees only its own requests, whatever else its role allows."""
GroupId = Annotated[str, Query(min_length=1, max_length=LONGEST_GROUP)]


def _dsr_requests(context: Context, processor: Processor, controller: str, origin: Origin = HERE) -> DsrRequests:
    return DsrRequests(
        controller=controller,
        engine=context.engine,
        masters=context.masters,
        prints=lambda: context.known().prints,
        rules=processor.rules,
        submit=context.submit_now,
        wake=context.wake,
        origin=origin,
    )
