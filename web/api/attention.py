"""What needs a person, by cause, with what to do about it."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from domain.outcomes import Outcome
from intake.advice import what_to_do
from ledger.delivery import vendors
from ledger.desk import attention, withheld
from ledger.desk.attention import Group
from ledger.desk.withheld import Withheld
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
_WITHHELD = {"vendor": "insider", "reason": "litigation", "deliveries": 2, "requests": 1, "until": None}


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


class WithheldGroup(BaseModel):
    """Deliveries that a legal hold withholds for one reason. Nobody need act: they are sent when it ends."""

    model_config = examples(_WITHHELD)
    vendor: str
    reason: str
    deliveries: int
    requests: int
    until: Moment | None = Field(description="when the first of their holds ends; null where none ends by itself")


class Attention(BaseModel):
    """What needs a person, the most pressing first."""

    model_config = examples({"deliveries": 5, "groups": [_GROUP], "withheld": [_WITHHELD]})
    deliveries: int
    groups: list[AttentionGroup]
    withheld: list[WithheldGroup]


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
    found, held = await context.reads.run(lambda: _groups(context, request_id, vendor, reason))
    groups = [AttentionGroup(**group._asdict(), what_to_do=what_to_do(group.vendor, group.reason)) for group in found]
    withheld = [WithheldGroup(**one._asdict()) for one in held]
    return Attention(deliveries=sum(group.deliveries for group in found), groups=groups, withheld=withheld)


def _groups(
    context: Context, request_id: UUID | None, vendor: str | None, reason: str | None
) -> tuple[list[Group], list[Withheld]]:
    with context.engine.connect() as connection:
        number = attention.find_request(connection, request_id) if request_id is not None else None
        if request_id is not None and number is None:
            raise no_such_request()
        known = {one.name: one.id for one in vendors.all_vendors(connection)}
        if vendor is not None and vendor not in known:
            raise no_such_vendor()
        vendor_id = known[vendor] if vendor is not None else None
        which: dict[str, Any] = {"request_id": number, "vendor_id": vendor_id, "reason": reason}
        return attention.groups(connection, **which), withheld.groups(connection, **which)
