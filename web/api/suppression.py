"""Tells who of up to a thousand people was erased. Identifiers come in the body, because URLs are logged."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, TypeAdapter

from domain.noticed import DOUBTS, Noticed
from domain.requests import Subject
from domain.suppression import PastWish
from intake.access.roles import Right
from ledger import suppression
from ledger.clock import now
from ledger.keys import fingerprinter
from ledger.people.prints import Prints
from tasks.erase_again import ErasedAgain, due_again, erase_again
from web.api.models import RECEIVED, REQUEST_ID, Given, Moment, examples, json_body
from web.api.requests import MOST_SUBJECTS, checked_people
from web.bodies import LARGEST_JSON, read_json
from web.dependencies import SubmitterOrReader, TheContext

_ERASED = {"line": 2, "since": RECEIVED, **REQUEST_ID}


class PeopleToCheck(Given):
    """One to a thousand people."""

    model_config = examples({"subjects": [{"user_id": "u-1"}, {"email": "a@example.org"}]})
    subjects: list[Subject] = Field(min_length=1, max_length=MOST_SUBJECTS)


class Erased(BaseModel):
    """Somebody who is on the suppression list."""

    model_config = examples(_ERASED)
    line: int = Field(description="position among the people asked about, from 1")
    since: Moment = Field(description="when the erasure by which they are on it took effect")
    request_id: UUID | None = Field(description="null where that request is forgotten, or is not yours to see")


class Suppressed(BaseModel):
    """Who of the people asked about is on the suppression list."""

    model_config = examples({"people": 2, "on_the_list": 1, "erased": [_ERASED]})
    people: int
    on_the_list: int
    erased: list[Erased]
    erased_again: int = Field(
        default=0,
        description="where CONSENT_ERASE_AGAIN is set: for how many an erasure was recorded; nobody where you may not "
        "submit",
    )
    not_erased_again: str | None = Field(default=None, description="why others who were due were not, if there are any")


router = APIRouter(tags=["people"])
SHAPE = TypeAdapter(PeopleToCheck)


@router.post(
    "/v1/suppression/check",
    summary="Who of up to 1,000 people was erased, and has not opted in anew",
    openapi_extra=json_body(PeopleToCheck),
    response_model_exclude_unset=True,
)
async def check(request: Request, context: TheContext, principal: SubmitterOrReader) -> Suppressed:
    """For imports: who is named here should not be imported again."""
    noticed = Noticed(undoubted=DOUBTS)  # who is doubtful is told, and never erased again
    given = await read_json(request, SHAPE, LARGEST_JSON, context=noticed)
    people = checked_people(given.subjects, noticed)

    def find() -> tuple[list[PastWish | None], datetime]:
        with context.engine.begin() as connection:
            prints = Prints(fingerprinter(connection, context.masters))
            identifiers = [prints.every(person) for person in people]
            days = context.settings.suppression_days
            return suppression.erasures_of(connection, identifiers, days), now(connection)

    found, as_of = await context.reads.run(find)
    again = ErasedAgain(0)
    if context.settings.erase_again and principal.may(Right.SUBMIT):
        due = due_again(zip(people, found, strict=True), as_of)
        again = await context.intake.run(lambda: erase_again(due, context.submit_now))
    erased = [
        Erased(line=line, since=one.at, request_id=None if principal.sees_only else one.request_id)
        for line, one in enumerate(found, start=1)
        if one
    ]
    more: dict[str, Any] = {"erased_again": again.people} if context.settings.erase_again else {}
    more |= {"not_erased_again": again.refused} if again.refused else {}
    return Suppressed(people=len(people), on_the_list=len(erased), erased=erased, **more)
