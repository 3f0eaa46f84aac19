"""Submits a request of up to a thousand people."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, Field, JsonValue, TypeAdapter

from domain.moments import GivenDayOrMoment, GivenMoment
from domain.noticed import Noticed
from domain.references import GivenReference
from domain.regulations import Regulation
from domain.requests import Kind, Subject
from tasks import submit
from tasks.subjects import IN_THE_FUTURE, AllowPlaceholders, Fault, SubjectError, checked_all
from tasks.submission import FutureMomentError, Submission
from web.access.gate import Principal
from web.api.models import REQUEST_ID, Given, VendorName, examples, json_body
from web.bodies import LARGEST_JSON, fault, read_json
from web.dependencies import Submitter, the_context
from web.origin import origin_of
from web.problems import Problem, advised, first

MOST_SUBJECTS = 1_000
ACCEPTING = "accept that some of the people cannot be found at some vendors: nobody need see to them"

CALLED = "what you call it, such as the number of a ticket: 1 to 200 printable characters, kept sealed"


class NewRequest(Given):
    """A request for one to a thousand people."""

    model_config = examples(
        {
            "kind": "erasure",
            "subjects": [
                {"user_id": "u-1", "email": "a@example.org", "phone_number": "+821012345678"},
                {"vendors": {"insider": {"insider_id": "i-2"}}},
            ],
        },
        {"kind": "opt_out", "vendors": ["dfinery"], "subjects": [{"user_id": "u-1"}]},
    )
    kind: Kind
    # Here and below, `default_factory`: pydantic copies a `default` for each request, which takes longer than making
    # it.
    allow_placeholders: AllowPlaceholders = Field(
        default_factory=dict,
        json_schema_extra={"default": {}},
        description="by field, identifiers that are really somebody's though they look like nobody's or damaged, as "
        '{"user_id": ["1"]}; the fields and how many are kept with the request',
    )
    subjects: list[Subject] = Field(min_length=1, max_length=MOST_SUBJECTS)
    vendors: list[VendorName] = Field(
        default_factory=list,
        json_schema_extra={"default": []},
        max_length=50,
        description="only these; else all switched on",
    )
    options: dict[str, dict[str, JsonValue]] = Field(
        default_factory=dict, json_schema_extra={"default": {}}, description='by vendor, as {"insider": {"whole": […]}}'
    )
    asked_at: GivenDayOrMoment | None = Field(
        default=None,
        description="when the controller was asked, from which the due date counts; else now. A day will do, as "
        "2026-05-25: it is due as if asked at its beginning in UTC",
    )
    effective_at: GivenDayOrMoment | None = Field(
        default=None,
        description="when the people expressed their wish; else when it was asked. A day will do: a withdrawal counts "
        "from its end in UTC, an opt-in from its beginning",
    )
    regulation: Regulation | None = Field(
        default=None, description="the law it is made under, which sets the due date; else the operator's default"
    )
    not_before: GivenMoment | None = Field(default=None, description="send nothing before this")
    accept_unreachable: bool = Field(default=False, strict=True, description=ACCEPTING)
    reference: GivenReference | None = Field(default=None, description=CALLED)


class Crowd(BaseModel):
    """Values that many people of a request share. The values themselves are not reported."""

    shared: Literal["email", "phone_number", "line"] = Field(
        description="what 5 people or more share; line: 3 lines or more say the same, and are one person"
    )
    values: int = Field(description="of how many values this is so")
    people: int = Field(description="how many people or lines have one of them")
    most: int = Field(description="how many have the most common one")


class ErasedBefore(BaseModel):
    """People of an opt-in or opt-out who were erased, and have not opted in since."""

    people: int
    lines: list[int] = Field(description="positions of the first of them in the request, from 1")


class Receipt(BaseModel):
    """A request that is on record."""

    model_config = examples(
        {
            **REQUEST_ID,
            "subjects": 2,
            "duplicates": 0,
            "repeated": False,
            "unconfirmed": False,
            "unreachable": {"akinon": 2},
            "left_aside": {"phone_number": 1},
            "left_out": [],
            "crowds": [],
            "erased_before": None,
        }
    )
    request_id: UUID
    subjects: int = Field(description="people in it, without repeated ones")
    duplicates: int = Field(description="people left out that repeat another one")
    repeated: bool = Field(description="the same was submitted before under this key; nothing new was recorded")
    unconfirmed: bool = Field(description="nothing is sent until somebody else confirms it")
    unreachable: dict[str, int] = Field(
        description="vendor to number of people who cannot be found there by what is given of them",
        examples=[{"akinon": 2, "algonomy": 1}],
    )
    left_aside: dict[str, int] = Field(
        description="by field, how often it was given with nothing in it, which was left aside",
        examples=[{"phone_number": 2}],
    )
    left_out: list[str] = Field([], description="columns left out by ignore_others: their names are not known")
    crowds: list[Crowd] = Field(description="many people who are perhaps one, or nobody: look whether that is right")
    erased_before: ErasedBefore | None = Field(
        description="of an opt-in, or an opt-out of at most 1,000 people: who of it is on the suppression list, which "
        "it is recorded in spite of"
    )


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
async def submit_request(request: Request, principal: Submitter, idempotency_key: IdempotencyKey = None) -> Response:
    """With 201, all of it is recorded; otherwise nothing is. 200 says that it was recorded before."""
    context = the_context(request)  # no dependency: each costs a tenth of this route's time
    noticed = Noticed()
    given = await read_json(request, SHAPE, LARGEST_JSON, context=noticed)
    people = checked_people(given.subjects, noticed)
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
        reference=given.reference,
        noticed=noticed,
    )
    try:
        return answer(request, await context.submit(submission, people), noticed)
    except FutureMomentError as error:
        if error.person is None:
            raise
        raise _unusable([Fault(f"subjects.{error.person - 1}.asked_at", IN_THE_FUTURE)]) from None


def own_key(principal: Principal, key: str | None) -> str | None:
    """An idempotency key as the ledger stores it: two producers that both count from 1 do not collide."""
    return f"{principal.name} {key}" if key is not None else None


def answer(request: Request, receipt: submit.Receipt, noticed: Noticed) -> Response:
    """The answer to a producer. What was recorded has its audit entry in the same transaction."""
    recorded, erased = receipt.recorded, receipt.recorded.erased_before
    request.state.target = str(recorded.public_id)
    request.state.audited = not receipt.repeated
    body = Receipt(
        request_id=recorded.public_id,
        subjects=recorded.people,
        duplicates=recorded.duplicates,
        repeated=receipt.repeated,
        unconfirmed=recorded.unconfirmed,
        unreachable=dict(recorded.unreachable),
        left_aside=dict(noticed.left_aside),
        left_out=noticed.left_out,
        crowds=[Crowd(**crowd._asdict()) for crowd in noticed.crowds],
        erased_before=ErasedBefore(people=erased.people, lines=list(erased.lines)) if erased else None,
    )
    place = {"Location": f"/v1/requests/{recorded.public_id}"}
    return Response(body.model_dump_json(), 200 if receipt.repeated else 201, place, "application/json")


def checked_people(given: list[Subject], noticed: Noticed) -> list[Subject]:
    """The people of a body, checked. Raises Problem."""
    try:
        return checked_all(given, noticed)
    except SubjectError as error:
        raise _unusable(error.faults) from None


def _unusable(faults: list[Fault]) -> Problem:
    kept, total = first([fault(one.field, one.problem) for one in faults])
    return Problem.unusable(advised("some of the people cannot be taken; nothing was recorded", kept), kept, total)
