"""The vendors: which are on and which are held; hold, switch and retire one."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field, TypeAdapter

from ledger.accounts.audit import Origin
from ledger.delivery import switching, vendors
from ledger.delivery.vendors import Vendor
from ledger.session import Connection
from tasks import retire as retiring
from web.access.gate import Principal
from web.api.models import RECEIVED, Because, Given, Moment, VendorName, examples, json_body
from web.bodies import kept_reason, read_json, read_nothing
from web.context import Context
from web.dependencies import Operator, Reader, TheContext
from web.origin import origin_of
from web.problems import no_such_vendor

_HELD_STEP = {
    "step": "attributes",
    "held_at": RECEIVED,
    "held_reason": "forbidden",
    "held_by": "worker",
    "next_try_at": RECEIVED,
}
_VENDOR = {
    "name": "insider",
    "enabled": True,
    "off_by": None,
    "retired_at": None,
    "served": True,
    "held_at": None,
    "held_reason": None,
    "held_by": None,
    "failing": None,
    "steps": [_HELD_STEP],
}


class HeldStepState(BaseModel):
    """A held step of a vendor: requests that need it wait, all others go on."""

    model_config = examples(_HELD_STEP)
    step: str
    held_at: Moment
    held_reason: str
    held_by: str
    next_try_at: Moment | None
    """When the next person tries it."""


class VendorState(BaseModel):
    """A vendor: whether it is on, whether any worker serves it, and whether it or some step of it is held."""

    model_config = examples(_VENDOR)
    name: str
    enabled: bool = Field(description="on: requests that name no vendors go there")
    off_by: str | None = Field(description="who switched it off")
    retired_at: Moment | None = Field(description="when it was retired")
    served: bool = Field(description="a worker with its credentials has looked for its chunks in the last minute")
    held_at: Moment | None
    held_reason: str | None
    held_by: str | None
    failing: str | None = Field(None, description="why its last answers failed everybody, where it is not held yet")
    steps: list[HeldStepState] = []


class Retire(Given):
    """Retire a vendor."""

    model_config = examples({"because": "the contract has ended"})
    because: Because = Field(description="kept for good: say why, and name no person")


class RetiredVendor(BaseModel):
    """A retired vendor, and how many deliveries were cancelled: pending ones, and those that needed a person. Those
    under way in a worker follow."""

    model_config = examples({"name": "insider", "pending": 12, "waiting": 3, "before": None})
    name: str
    pending: int
    waiting: int
    before: Moment | None = Field(description="when it had been retired before; null: it was not")


class Vendors(BaseModel):
    """Every vendor that the workers have announced."""

    model_config = examples({"vendors": [_VENDOR]})
    vendors: list[VendorState]


router = APIRouter(tags=["attention"])
RETIRE = TypeAdapter(Retire)
Name = Annotated[VendorName, Path(description="as /v1/vendors shows it")]


@router.get("/v1/vendors", summary="Every vendor, and whether it is held")
async def list_vendors(context: TheContext, _: Reader) -> Vendors:
    """As the workers announced them."""

    def find() -> list[Vendor]:
        with context.engine.connect() as connection:
            return vendors.all_vendors(connection)

    return Vendors(vendors=[_state(vendor) for vendor in await context.reads.run(find)])


@router.post("/v1/vendors/{name}/hold", summary="Send nothing to a vendor until it is resumed")
async def hold(request: Request, name: Name, context: TheContext, principal: Operator) -> VendorState:
    """No probe lifts a hold by hand."""
    await read_nothing(request)

    def do() -> Vendor:
        with context.engine.begin() as connection:
            vendors.hold(connection, name, principal.name)
            return _of_name(vendors.all_vendors(connection), name)

    vendor = await context.intake.run(do)
    request.state.target = vendor.name
    return _state(vendor)


@router.post("/v1/vendors/{name}/resume", summary="Lift the hold of a vendor")
async def resume(
    request: Request,
    name: Name,
    context: TheContext,
    _: Operator,
    step: Annotated[str | None, Query(max_length=64)] = None,
) -> VendorState:
    """The vendor and all of its steps, or one `step` of it. The workers notice within a second."""
    await read_nothing(request)

    def do() -> Vendor:
        with context.engine.begin() as connection:
            vendors.resume(connection, name, step)
            return _of_name(vendors.all_vendors(connection), name)

    vendor = await context.intake.run(do)
    request.state.target = vendor.name
    return _state(vendor)


@router.post("/v1/vendors/{name}/on", summary="Send new requests to a vendor")
async def switch_on(request: Request, name: Name, context: TheContext, principal: Operator) -> VendorState:
    """Also a retired one. What has ended there stays so."""
    return await _switch(request, name, context, principal, switching.switch_on)


@router.post("/v1/vendors/{name}/off", summary="Send no new request to a vendor")
async def switch_off(request: Request, name: Name, context: TheContext, principal: Operator) -> VendorState:
    """Nothing is sent there, and what is pending waits until it is on again or retired."""
    return await _switch(request, name, context, principal, switching.switch_off)


_Switch = Callable[[Connection, str, str, Origin], bool]


async def _switch(
    request: Request, name: str, context: Context, principal: Principal, switch: "_Switch"
) -> VendorState:
    await read_nothing(request)

    def do() -> Vendor:
        with context.engine.begin() as connection:
            switch(connection, name, principal.name, origin_of(request.scope))
            return _of_name(vendors.all_vendors(connection), name)

    vendor = await context.intake.run(do)
    request.state.target, request.state.audited = vendor.name, True
    return _state(vendor)


@router.post("/v1/vendors/{name}/retire", summary="Retire a vendor", openapi_extra=json_body(Retire))
async def retire(request: Request, name: Name, context: TheContext, principal: Operator) -> RetiredVendor:
    """What is pending there, or needs a person, ends as cancelled, so that requests can close."""
    because, origin = kept_reason((await read_json(request, RETIRE)).because), origin_of(request.scope)
    try:
        retired = await context.intake.run(
            lambda: retiring.retire(context.engine, name, principal.name, because, origin)
        )
    except retiring.NoSuchVendorError:
        raise no_such_vendor() from None
    request.state.target, request.state.audited = name, True
    return RetiredVendor(name=name, **asdict(retired))


def _of_name(known: Sequence[Vendor], name: str) -> Vendor:
    for vendor in known:
        if vendor.name == name:
            return vendor
    raise no_such_vendor()


def _state(vendor: Vendor) -> VendorState:
    return VendorState(
        name=vendor.name,
        enabled=vendor.enabled,
        off_by=vendor.off_by,
        retired_at=vendor.retired_at,
        served=vendor.served,
        held_at=vendor.held_at,
        held_reason=vendor.held_reason,
        held_by=vendor.held_by,
        failing=vendor.failing or None,
        steps=[
            HeldStepState(
                step=held.step,
                held_at=held.held_at,
                held_reason=held.held_reason,
                held_by=held.held_by,
                next_try_at=held.probe_at,
            )
            for held in vendor.steps
        ],
    )
