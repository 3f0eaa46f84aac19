"""Submitting a request of few people, and seeing how one stands."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from pydantic import TypeAdapter

from domain.noticed import Noticed
from domain.requests import Subject
from ledger.desk.reports import Status, status_of
from tasks import submit
from tasks.reach import missing_identifiers
from tasks.subjects import SubjectError, checked_all
from tasks.submit import Submission
from web.access.gate import Principal
from web.api.models import Crowd, DirectoryAnswers, MissingIdentifier, NewRequest, Receipt, RequestStatus
from web.api.openapi import json_body
from web.bodies import LARGEST_JSON, fault, read_json
from web.context import Door
from web.dependencies import Submitter, SubmitterOrReader, TheDoor
from web.origin import origin_of
from web.problems import Problem, advised, first, no_such_request, refuse_others

router = APIRouter(tags=["requests"])
LONGEST_KEY = 200
SHAPE = TypeAdapter(NewRequest)
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=LONGEST_KEY,
        pattern="^[!-~]+$",
        description="submitting the same again under it changes nothing; each principal's keys are its own",
    ),
]


@router.post(
    "/v1/requests",
    status_code=201,
    summary="Submit a request for 1 to 1,000 people",
    response_model=Receipt,
    responses={200: {"model": Receipt, "description": "submitted before"}},
    openapi_extra=json_body(NewRequest),
)
async def submit_request(
    request: Request, door: TheDoor, principal: Submitter, idempotency_key: IdempotencyKey = None
) -> Response:
    """Recorded whole when the answer is 201, or not at all. The answer 200 says that it was recorded before."""
    noticed = Noticed()
    given = await read_json(request, SHAPE, LARGEST_JSON, context=noticed)
    people = _checked_people(given, noticed)
    submission = Submission(
        given.kind,
        tuple(given.vendors),
        given.options,
        idempotency_key=own_key(principal, idempotency_key),
        submitted_by=principal.name,
        origin=origin_of(request.scope),
        asked_at=given.asked_at,
        effective_at=given.effective_at,
        regulation=given.regulation,
        not_before=given.not_before,
        accept_unreachable=given.accept_unreachable,
        noticed=noticed,
    )
    return answer(request, await door.submit(submission, people), noticed)


def own_key(principal: Principal, key: str | None) -> str | None:
    """An idempotency key as the ledger keeps it: two producers that count from 1 do not meet."""
    return f"{principal.name} {key}" if key is not None else None


def answer(request: Request, receipt: submit.Receipt, noticed: Noticed) -> Response:
    """What a producer gets back; what was recorded has its audit entry in the same transaction."""
    recorded = receipt.recorded
    request.state.target = str(recorded.public_id)
    request.state.audited = not receipt.repeated
    told = Receipt(
        request_id=recorded.public_id,
        subjects=recorded.people,
        duplicates=recorded.duplicates,
        repeated=receipt.repeated,
        unconfirmed=recorded.unconfirmed,
        unreachable=dict(recorded.unreachable),
        left_aside=dict(noticed.left_aside),
        crowds=[Crowd(**crowd._asdict()) for crowd in noticed.crowds],
    )
    place = {"Location": f"/v1/requests/{recorded.public_id}"}
    return Response(told.model_dump_json(), 200 if receipt.repeated else 201, place, "application/json")


def _checked_people(given: NewRequest, noticed: Noticed) -> list[Subject]:
    try:
        return checked_all(given.subjects, noticed)
    except SubjectError as error:
        kept, total = first([fault(one.field, one.problem) for one in error.faults])
        detail = advised("some of the people cannot be taken; nothing was recorded", kept)
        raise Problem.unusable(detail, kept, total) from None


@router.get("/v1/requests/{request_id}", summary="How a request stands")
async def show_request(
    request: Request, request_id: UUID, door: TheDoor, principal: SubmitterOrReader
) -> RequestStatus:
    """Costs the same for ten people and for a million."""
    found = await door.reads.run(lambda: _find(door, request_id))
    refuse_others(request, request_id, sees_only=principal.sees_only, submitted_by=found.submitted_by)
    missing = {name: MissingIdentifier(**one._asdict()) for name, one in missing_identifiers(found).items()}
    at_risk = found.at_risk(door.settings.due_soon_days)
    asked = found.to_resolve or found.resolved
    directory = DirectoryAnswers(waits=found.to_resolve, answers=dict(found.resolved)) if asked else None
    return RequestStatus(**found._asdict(), at_risk=at_risk, missing_identifiers=missing, directory=directory)


def _find(door: Door, request_id: UUID) -> Status:
    with door.engine.connect() as connection:
        found = status_of(connection, request_id)
    if found is None:
        raise no_such_request()
    return found
