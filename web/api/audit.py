"""Reads the audit log: who was admitted or refused, from where, and what they did."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from domain.moments import WrittenMoment
from ledger.accounts import audit
from ledger.accounts.audit import Wanted, Written
from web.api.models import RECEIVED, Moment, Text, examples
from web.dependencies import Reader, TheContext

_AUDITED = {
    "id": 4711,
    "at": RECEIVED,
    "by": "user:ann",
    "action": "POST /v1/vendors/{name}/hold",
    "allowed": True,
    "target": "insider",
    "status": 200,
    "because": None,
    "source": "192.0.2.7",
    "key": None,
    "account": None,
}


class AuditEntry(BaseModel):
    """One decision: who was admitted or refused, and what they did."""

    model_config = examples(_AUDITED)
    id: int
    at: Moment
    by: str = Field(description="a principal, or nobody")
    action: str = Field(description="a command, or a method and the template of its path")
    allowed: bool
    target: str | None = Field(description="a request, a vendor, an account or a key that it was done to")
    status: int | None = Field(description="the HTTP status of the answer")
    because: str | None
    source: str | None = Field(description="the address that it came from; none for the command line")
    key: str | None = Field(description="prefix of the API key that was given")
    account: str | None = Field(description="whose login was tried; `unknown` where there is no such user")


class AuditPage(BaseModel):
    """Entries of the audit log, newest first."""

    model_config = examples({"entries": [_AUDITED], "next": 4711})
    entries: list[AuditEntry]
    next: int | None = Field(description="the `cursor` of the page that follows; null on the last")


router = APIRouter(tags=["audit"])
MOST = 1_000
LAST = 2**63 - 1


@router.get("/v1/audit", summary="Who did what, newest first")
async def show_audit(
    context: TheContext,
    _: Reader,
    *,
    by: Annotated[
        Text | None, Query(description="a principal, such as user:ann; or ann, for every account of that name")
    ] = None,
    action: Annotated[Text | None, Query(description="words of the action, such as vendor hold")] = None,
    request_id: UUID | None = None,
    since: WrittenMoment | None = None,
    until: WrittenMoment | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="how many on a page")] = 100,
    cursor: Annotated[int | None, Query(ge=1, le=LAST, description="`next` of the page before")] = None,
) -> AuditPage:
    """Every denial, and every change or lookup."""
    wanted = Wanted(by, action, request_id, since, until, cursor)

    def find() -> list[Written]:
        with context.engine.connect() as connection:
            return audit.entries(connection, wanted, limit + 1)

    found = await context.reads.run(find)
    return AuditPage(
        entries=[_shown(entry) for entry in found[:limit]], next=found[limit - 1].id if len(found) > limit else None
    )


def _shown(entry: Written) -> AuditEntry:
    fields = entry._asdict()
    return AuditEntry(action=fields.pop("deed"), key=fields.pop("key_prefix"), **fields)
