"""Legal holds: people whose data must be kept. Identifiers come in the body, because URLs are logged."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field, TypeAdapter

from domain.moments import GivenDayOrMoment
from domain.outcomes import Reason
from ledger import legal_holds
from ledger.legal_holds import Held
from web.api.models import DUE, RECEIVED, Because, Given, Moment, examples, json_body
from web.bodies import allowance_of, read_json
from web.dependencies import Operator, Reader, TheContext
from web.legal_holds import Why, add_hold, release_hold

HoldReason = Literal["litigation", "legal_obligation", "public_interest", "expression"]
_HOLD = {
    "id": 3,
    "reason": "litigation",
    "because": "case 12 of 2026",
    "until": DUE,
    "added_by": "user:ann",
    "added_at": RECEIVED,
    "ended_at": None,
    "ended_by": None,
    "ended_because": None,
    "identifiers": ["email", "user_id"],
    "deliveries": 2,
}


class NewHold(Given):
    """Keep the data of anyone who shares one of these identifiers and contradicts none: give all that are known."""

    model_config = examples(
        {"user_id": "u-7", "email": "a@example.org", "reason": "litigation", "because": "case 12 of 2026", "until": DUE}
    )
    user_id: str | None = None
    email: str | None = None
    phone_number: str | None = None
    reason: HoldReason
    because: Because = Field(description="kept for good: say why, and name no person")
    until: GivenDayOrMoment | None = Field(default=None, description="a moment or a last day; else until its release")


class Release(Given):
    """End a hold now."""

    model_config = examples({"because": "the case is closed"})
    because: Because | None = Field(default=None, description="kept for good: say why, and name no person")


class LegalHold(BaseModel):
    """A hold: why, until when and by whom somebody is kept. It does not tell who."""

    model_config = examples(_HOLD)
    id: int
    reason: str
    because: str
    until: Moment | None
    added_by: str
    added_at: Moment
    ended_at: Moment | None
    ended_by: str | None = Field(description="null where its time was over")
    ended_because: str | None
    identifiers: list[str] = Field(description="which fields it knows the person by, while it is in force")
    deliveries: int = Field(description="how many are withheld by it now")


class LegalHolds(BaseModel):
    """The newest first."""

    model_config = examples({"legal_holds": [_HOLD]})
    legal_holds: list[LegalHold]


class AddedHold(BaseModel):
    """The number by which it is released."""

    model_config = examples({"id": 3})
    id: int


router = APIRouter(tags=["people"])
ADD, RELEASE = TypeAdapter(NewHold), TypeAdapter(Release)


@router.post("/v1/legal-holds", summary="Keep the data of a person", status_code=201, openapi_extra=json_body(NewHold))
async def add(request: Request, context: TheContext, principal: Operator) -> AddedHold:
    """Whatever destroys data of this person ends as `withheld`, and is sent when the hold ends."""
    given = await read_json(request, ADD)
    person = given.model_dump(include={"user_id", "email", "phone_number"}, exclude_none=True)
    why = Why(Reason(given.reason), given.because, given.until)
    return AddedHold(id=await add_hold(request, context, principal, person, why))


@router.get("/v1/legal-holds", summary="Whose data is kept, why and until when")
async def show(context: TheContext, _: Reader, *, ended: bool = False) -> LegalHolds:
    """The holds in force; with `ended` those that have ended, too."""

    def find() -> list[Held]:
        with context.engine.connect() as connection:
            return legal_holds.every(connection, ended=ended)

    return LegalHolds(legal_holds=[LegalHold(**one._asdict()) for one in await context.reads.run(find)])


@router.post(
    "/v1/legal-holds/{hold_id}/release",
    summary="End a legal hold",
    status_code=204,
    openapi_extra=json_body(Release, required=False),
)
async def release(
    request: Request, hold_id: Annotated[int, Path(ge=1, le=2**63 - 1)], context: TheContext, principal: Operator
) -> None:
    """What waited for it is sent, unless another hold keeps the same person."""
    meant = Release() if allowance_of(request).whole else await read_json(request, RELEASE)
    await release_hold(request, context, principal, hold_id, meant.because)
