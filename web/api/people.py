"""Finds the requests that a person is in, by fingerprint. Identifiers come in the body, because URLs are logged."""

from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, TypeAdapter

from domain.requests import Kind, Subject
from ledger.keys import fingerprinter
from ledger.people.involved import Involved, requests_of
from ledger.people.prints import Prints
from tasks.subjects import LOOKED_FOR, check_subject
from web.api.models import RECEIVED, REQUEST_ID, Given, Moment, examples, json_body
from web.bodies import read_json
from web.dependencies import Reader, TheContext

_INVOLVED = {
    **REQUEST_ID,
    "kind": "erasure",
    "status": "completed",
    "received_at": RECEIVED,
    "line": 1,
    "file_line": 2,
    "vendors": {"insider": "accepted", "dfinery": "verified"},
}


class Person(Given):
    """A person, by one identifier or more."""

    model_config = examples({"email": "a@example.org"})
    user_id: str | None = None
    email: str | None = None
    phone_number: str | None = None


class Involvement(BaseModel):
    """A request that a person is in, and its state at each vendor."""

    model_config = examples(_INVOLVED)
    request_id: UUID
    kind: Kind
    status: str
    received_at: Moment
    line: int
    file_line: int | None = Field(description="the line of the uploaded file that the person stands on")
    vendors: dict[str, str]


class Involvements(BaseModel):
    """The requests that a person is in, oldest first."""

    model_config = examples({"requests": [_INVOLVED]})
    requests: list[Involvement]


router = APIRouter(tags=["people"])
SHAPE = TypeAdapter(Person)


@router.post("/v1/people/lookup", summary="The requests that a person is in", openapi_extra=json_body(Person))
async def look_up(request: Request, context: TheContext, _: Reader) -> Involvements:
    """People with any of these identifiers."""
    given = await read_json(request, SHAPE)
    person: Subject = check_subject(given.model_dump(exclude_none=True), LOOKED_FOR)

    def find() -> list[Involved]:
        with context.engine.begin() as connection:
            prints = Prints(fingerprinter(connection, context.masters))
            return requests_of(connection, *prints.to_look_for(person))

    found = await context.reads.run(find)
    return Involvements(requests=[Involvement(**one._asdict()) for one in found])
