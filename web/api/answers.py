"""Makes the answer to send back: to a request, or to one person of it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from answers.choices import Form, Language, Reader
from answers.rendering import Style
from domain.regulations import Regulation
from domain.requests import Kind
from web.answers import Asked, answer_to
from web.api.models import DUE, RECEIVED, REQUEST_ID, Moment, examples
from web.dependencies import SubmitterOrReader, TheContext

_SAID = "The permissions to send messages that it keeps were withdrawn."
_ENDING = {
    "outcome": "accepted",
    "reason": None,
    "people": 1,
    "first_at": RECEIVED,
    "last_at": RECEIVED,
    "accepted": False,
    "said": [_SAID, "The recipient has confirmed it. It has not been looked up there."],
}


class AnswerEnding(BaseModel):
    """Deliveries at a recipient that ended alike."""

    outcome: str = Field(description="or `pending`")
    reason: str | None
    people: int
    first_at: Moment | None = Field(description="null where it is pending, and in requests of more than 20,000")
    last_at: Moment | None
    accepted: bool = Field(description="they cannot be found there, and somebody has accepted it")
    said: list[str] = Field(description="sentences in the language asked for")


class AnswerRecipient(BaseModel):
    """A vendor that the request went to."""

    vendor: str
    title: str = Field(description="as a person reads it")
    endings: list[AnswerEnding]


class AnswerDeed(BaseModel):
    """What somebody of the controller did to the request."""

    at: Moment
    by: str
    deed: str
    recipient: str | None
    because: str | None


class AnswerEvidence(BaseModel):
    """Where the evidence log has what became of the request."""

    log: str
    entry: int
    root: str = Field(description="over the lines of the request, in base64")


class AnswerToSend(BaseModel):
    """The answer to a request, or to one person of it."""

    model_config = examples(
        {
            **REQUEST_ID,
            "line": 3,
            "for": "person",
            "lang": "en",
            "kind": "opt_out",
            "status": "completed",
            "regulation": "gdpr",
            "people": 1,
            "person": {"email": "j•••@p•••.example"},
            "asked_at": RECEIVED,
            "received_at": RECEIVED,
            "due_at": DUE,
            "due_before": None,
            "closed_at": RECEIVED,
            "as_of": RECEIVED,
            "forgotten": False,
            "evidence": {
                "log": "shop.example/consent",
                "entry": 4711,
                "root": "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=",
            },
            "recipients": [{"vendor": "dfinery", "title": "Dfinery", "endings": [_ENDING]}],
            "document": {"title": "Answer to your withdrawal of consent", "lead": "…", "sections": []},
        }
    )
    request_id: UUID
    line: int | None
    reader: Reader = Field(alias="for")
    lang: Language
    kind: Kind
    status: str
    regulation: Regulation
    people: int
    person: dict[str, str] | None = Field(description="their identifiers, masked")
    asked_at: Moment
    received_at: Moment
    due_at: Moment
    due_before: Moment | None = Field(description="when it was due before it was extended")
    closed_at: Moment | None
    as_of: Moment
    forgotten: bool = Field(description="its people can no longer be read")
    evidence: AnswerEvidence | None = Field(description="null until the log has it; docs/evidence.md")
    recipients: list[AnswerRecipient]
    submitted_by: str | None = Field(default=None, description="for a regulator only, as the deeds")
    confirmed_by: str | None = None
    deeds: list[AnswerDeed] | None = None
    more_deeds: bool | None = None
    document: dict[str, Any] = Field(description="all texts of the page, in the language asked for")


router = APIRouter(tags=["requests"])
LAST_LINE = 2**31 - 1
_FORMS: dict[str, Any] = {
    "text/html": {"schema": {"type": "string"}},
    "application/pdf": {"schema": {"type": "string", "format": "binary"}},
}


@router.get(
    "/v1/requests/{request_id}/answer",
    summary="The answer to send back",
    response_model=AnswerToSend,
    responses={200: {"content": _FORMS, "description": "as `format` asks"}},
)
async def make_answer(
    request: Request,
    request_id: UUID,
    context: TheContext,
    principal: SubmitterOrReader,
    *,
    line: Annotated[
        int | None, Query(ge=1, le=LAST_LINE, description="only the person on this line; it is put on record")
    ] = None,
    lang: Language = Language.ENGLISH,
    reader: Annotated[Reader, Query(alias="for", description="whom it is for")] = Reader.PERSON,
    form: Annotated[Form, Query(alias="format")] = Form.JSON,
) -> Response:
    """What was asked, what was done at each recipient, what was not and why, and what happens next. Identifiers are
    masked. It is made, and never sent."""
    return await answer_to(request, context, principal, Asked(request_id, line, Style(reader, lang, form)))
