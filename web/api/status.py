"""The status of a request on record."""

from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from domain.regulations import Regulation
from domain.requests import Kind
from ledger.desk.reports import status_of
from ledger.desk.status import Status
from ledger.requests.references import reference_of
from ledger.sealing import UnsealError
from tasks.unreachable import missing_identifiers
from web.api.models import DUE, RECEIVED, REQUEST_ID, Moment, examples
from web.context import Context
from web.dependencies import SubmitterOrReader, TheContext
from web.problems import no_such_request, refuse_others

_LISTED = {
    **REQUEST_ID,
    "kind": "erasure",
    "status": "running",
    "subjects": 2,
    "duplicates": 0,
    "received_at": RECEIVED,
    "due_at": DUE,
    "submitted_by": "key:shop",
}
_MISSING = {"deliveries": 2, "reason": "no_identifier", "give": "a shop session", "accepted_by": None}


class MissingIdentifier(BaseModel):
    """Deliveries that ended as unreachable at one vendor, and what to provide."""

    model_config = examples(_MISSING)
    deliveries: int
    reason: str
    give: str
    accepted_by: str | None = Field(description="who has accepted that they stay so")


class DirectoryAnswers(BaseModel):
    """The controller's directory is asked about people of this request who lack identifiers."""

    waits: bool = Field(description="nothing is sent yet: it is still to be asked about some of them")
    answers: dict[str, int] = Field(
        description="what became of its answers: completed, nothing_new, unknown, unusable, contradicting"
    )


class RequestStatus(BaseModel):
    """The status of a request."""

    model_config = examples(
        {
            **_LISTED,
            "regulation": "gdpr",
            "asked_at": RECEIVED,
            "effective_at": RECEIVED,
            "not_before": RECEIVED,
            "due_reason": None,
            "at_risk": False,
            "reference": "DSR-2026-17",
            "confirmed_by": None,
            "forgotten": False,
            "forgotten_at": None,
            "forget_at": None,
            "vendors": {"insider": {"pending": 0, "accepted": 2}, "akinon": {"pending": 0, "unreachable": 2}},
            "missing_identifiers": {"akinon": _MISSING},
            "directory": None,
        }
    )
    request_id: UUID
    kind: Kind
    status: str
    subjects: int
    duplicates: int
    regulation: Regulation
    received_at: Moment
    asked_at: Moment
    effective_at: Moment
    not_before: Moment
    due_at: Moment
    due_reason: str | None
    at_risk: bool
    reference: str | None = Field(
        default=None,
        description="what its submitter calls it; null where nothing was said or it can be read no more, and for who "
        "only reads",
    )
    submitted_by: str
    confirmed_by: str | None
    forgotten: bool = Field(default=False, description="its people can no longer be read or found")
    forgotten_at: Moment | None = Field(default=None, description="null also where an earlier version did it")
    forget_at: Moment | None = Field(
        default=None,
        description="from when on its people are forgotten, those excepted who still wait for somebody then; null: it "
        "has not ended, or never",
    )
    vendors: dict[str, dict[str, int]] = Field(
        description="vendor to outcome (or pending) to number of deliveries",
        examples=[{"insider": {"pending": 0, "accepted": 2}}],
    )
    missing_identifiers: dict[str, MissingIdentifier] = Field(description="by vendor, who was unreachable there")
    directory: DirectoryAnswers | None = Field(description="null where the directory is not asked about anybody")


router = APIRouter(tags=["requests"])


@router.get("/v1/requests/{request_id}", summary="The status of a request")
async def show_request(
    request: Request, request_id: UUID, context: TheContext, principal: SubmitterOrReader
) -> RequestStatus:
    """It costs the same for ten people and for a million."""
    found = await context.reads.run(lambda: _find(context, request_id))
    refuse_others(request, request_id, sees_only=principal.sees_only, submitted_by=found.submitted_by)
    called = found.has_reference and principal.may_unmask
    reference = await context.reads.run(lambda: _reference(context, request_id)) if called else None
    missing = {name: MissingIdentifier(**one._asdict()) for name, one in missing_identifiers(found).items()}
    at_risk = found.at_risk(context.settings.due_soon_days)
    asked = found.to_resolve or found.resolved
    directory = DirectoryAnswers(waits=found.to_resolve, answers=dict(found.resolved)) if asked else None
    return RequestStatus(
        **found._asdict(), at_risk=at_risk, reference=reference, missing_identifiers=missing, directory=directory
    )


def _find(context: Context, request_id: UUID) -> Status:
    with context.engine.connect() as connection:
        found = status_of(connection, request_id)
    if found is None:
        raise no_such_request()
    return found


def _reference(context: Context, request_id: UUID) -> str | None:
    with context.engine.connect() as connection:
        try:
            return reference_of(connection, request_id, context.masters)
        except UnsealError:  # of a master key that was given up; the status is known without it
            return None
