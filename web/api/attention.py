"""What needs a person, by cause, with what to do about it."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from domain.outcomes import Outcome
from intake.advice import what_to_do
from ledger.delivery import vendors
from ledger.desk import attention
from ledger.desk.attention import Group
from web.api.models import DUE, Moment, Text, VendorName, examples
from web.context import Context
from web.dependencies import Reader, TheContext
from web.problems import no_such_request, no_such_vendor

_GROUP = {
    "vendor": "insider",
    "outcome": "refused",
    "reason": "rejected",
    "deliveries": 5,
    "requests": 1,
    "oldest_due_at": DUE,
    "what_to_do": "Ask the vendor what is wrong with these.",
}


class AttentionGroup(BaseModel):
    """Deliveries that need a person for the same cause, and what to do about them."""

    model_config = examples(_GROUP)
    vendor: str
    outcome: Outcome
    reason: str | None
    deliveries: int
    requests: int
    oldest_due_at: Moment
    what_to_do: str


class Attention(BaseModel):
    """What needs a person, the most pressing first."""

    model_config = examples({"deliveries": 5, "groups": [_GROUP]})
    deliveries: int
    groups: list[AttentionGroup]


router = APIRouter(tags=["attention"])


@router.get("/v1/attention", summary="What needs a person")
async def show_attention(
    context: TheContext,
    _: Reader,
    request_id: UUID | None = None,
    vendor: VendorName | None = None,
    reason: Text | None = None,
) -> Attention:
    """Deliveries that wait, by cause, with what to do about each; of all requests or of one."""
    found = await context.reads.run(lambda: _groups(context, request_id, vendor, reason))
    groups = [AttentionGroup(**group._asdict(), what_to_do=what_to_do(group.vendor, group.reason)) for group in found]
    return Attention(deliveries=sum(group.deliveries for group in found), groups=groups)


def _groups(context: Context, request_id: UUID | None, vendor: str | None, reason: str | None) -> list[Group]:
    with context.engine.connect() as connection:
        number = attention.find_request(connection, request_id) if request_id is not None else None
        if request_id is not None and number is None:
            raise no_such_request()
        known = {one.name: one.id for one in vendors.all_vendors(connection)}
        if vendor is not None and vendor not in known:
            raise no_such_vendor()
        vendor_id = known[vendor] if vendor is not None else None
        return attention.groups(connection, request_id=number, vendor_id=vendor_id, reason=reason)
