"""Finding the requests that a person is in, by fingerprint. Identifiers come in the body: URLs end up in logs."""

from fastapi import APIRouter, Request
from pydantic import TypeAdapter

from domain.noticed import Noticed
from domain.requests import Subject
from ledger.people.involved import Involved, requests_of
from ledger.people.people import Prints
from tasks.subjects import check_subject
from web.api.models import Involvement, Involvements, Person
from web.api.openapi import json_body
from web.bodies import read_json
from web.dependencies import Reader, TheDoor

router = APIRouter(tags=["people"])
SHAPE = TypeAdapter(Person)
LOOKED_FOR = Noticed(undoubted=frozenset({"placeholder"}))
"""Nobody is harmed by looking for a placeholder, and somebody may have been allowed to be called so."""


@router.post("/v1/people/lookup", summary="The requests that a person is in", openapi_extra=json_body(Person))
async def look_up(request: Request, door: TheDoor, _: Reader) -> Involvements:
    """Whoever has any of these identifiers."""
    given = await read_json(request, SHAPE)
    person: Subject = check_subject(given.model_dump(exclude_none=True), LOOKED_FOR)

    def find() -> list[Involved]:
        prints = Prints(door.known().prints).identifiers(person)
        with door.engine.connect() as connection:
            return requests_of(connection, prints)

    found = await door.reads.run(find)
    return Involvements(requests=[Involvement(**one._asdict()) for one in found])
