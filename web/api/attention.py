"""What needs a person, and the vendors: which are held, holding one, letting it go on."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import TypeAdapter

from intake.advice import what_to_do
from ledger.accounts.audit import Origin
from ledger.delivery import switching, vendors
from ledger.delivery.vendors import Vendor
from ledger.desk import attention
from ledger.desk.attention import Group
from ledger.session import Connection
from tasks import retire as retiring
from web.access.gate import Principal
from web.api.models import (
    Attention,
    AttentionGroup,
    HeldStepState,
    Retire,
    RetiredVendor,
    Text,
    VendorName,
    Vendors,
    VendorState,
)
from web.api.openapi import json_body
from web.bodies import kept_reason, read_json, read_nothing
from web.context import Door
from web.dependencies import Operator, Reader, TheDoor
from web.origin import origin_of
from web.problems import no_such_request, no_such_vendor

router = APIRouter(tags=["attention"])
RETIRE = TypeAdapter(Retire)
Name = Annotated[VendorName, Path(description="as /v1/vendors shows it")]


@router.get("/v1/attention", summary="What needs a person")
async def show_attention(
    door: TheDoor,
    _: Reader,
    request_id: UUID | None = None,
    vendor: VendorName | None = None,
    reason: Text | None = None,
) -> Attention:
    """Deliveries that wait, by cause, with what to do about each; of all requests or of one."""
    found = await door.reads.run(lambda: _groups(door, request_id, vendor, reason))
    groups = [AttentionGroup(**group._asdict(), what_to_do=what_to_do(group.vendor, group.reason)) for group in found]
    return Attention(deliveries=sum(group.deliveries for group in found), groups=groups)


def _groups(door: Door, request_id: UUID | None, vendor: str | None, reason: str | None) -> list[Group]:
    with door.engine.connect() as connection:
        number = attention.find_request(connection, request_id) if request_id is not None else None
        if request_id is not None and number is None:
            raise no_such_request()
        known = {one.name: one.id for one in vendors.all_vendors(connection)}
        if vendor is not None and vendor not in known:
            raise no_such_vendor()
        vendor_id = known[vendor] if vendor is not None else None
        return attention.groups(connection, request_id=number, vendor_id=vendor_id, reason=reason)


@router.get("/v1/vendors", summary="Every vendor, and whether it is held")
async def list_vendors(door: TheDoor, _: Reader) -> Vendors:
    """As the workers announced them."""

    def find() -> list[Vendor]:
        with door.engine.connect() as connection:
            return vendors.all_vendors(connection)

    return Vendors(vendors=[_state(vendor) for vendor in await door.reads.run(find)])


@router.post("/v1/vendors/{name}/hold", summary="Send nothing to a vendor until it is resumed")
async def hold(request: Request, name: Name, door: TheDoor, principal: Operator) -> VendorState:
    """No probe lifts a hold by hand."""
    await read_nothing(request)

    def do() -> Vendor:
        with door.engine.begin() as connection:
            vendors.hold(connection, name, principal.name)
            return _of_name(vendors.all_vendors(connection), name)

    vendor = await door.intake.run(do)
    request.state.target = vendor.name
    return _state(vendor)


@router.post("/v1/vendors/{name}/resume", summary="Let a held vendor go on")
async def resume(
    request: Request, name: Name, door: TheDoor, _: Operator, step: Annotated[str | None, Query(max_length=64)] = None
) -> VendorState:
    """The vendor and all of its steps, or one `step` of it. The workers see it within a second."""
    await read_nothing(request)

    def do() -> Vendor:
        with door.engine.begin() as connection:
            vendors.resume(connection, name, step)
            return _of_name(vendors.all_vendors(connection), name)

    vendor = await door.intake.run(do)
    request.state.target = vendor.name
    return _state(vendor)


@router.post("/v1/vendors/{name}/on", summary="Have new requests go to a vendor")
async def switch_on(request: Request, name: Name, door: TheDoor, principal: Operator) -> VendorState:
    """Also one that was retired; what has ended there stays so."""
    return await _switch(request, name, door, principal, switching.switch_on)


@router.post("/v1/vendors/{name}/off", summary="Have no new request go to a vendor")
async def switch_off(request: Request, name: Name, door: TheDoor, principal: Operator) -> VendorState:
    """Nothing is sent there, and what is pending waits until it is on again or retired."""
    return await _switch(request, name, door, principal, switching.switch_off)


_Switch = Callable[[Connection, str, str, Origin], bool]


async def _switch(request: Request, name: str, door: Door, principal: Principal, switch: "_Switch") -> VendorState:
    await read_nothing(request)

    def do() -> Vendor:
        with door.engine.begin() as connection:
            switch(connection, name, principal.name, origin_of(request.scope))
            return _of_name(vendors.all_vendors(connection), name)

    vendor = await door.intake.run(do)
    request.state.target, request.state.audited = vendor.name, True
    return _state(vendor)


@router.post("/v1/vendors/{name}/retire", summary="Leave a vendor for good", openapi_extra=json_body(Retire))
async def retire(request: Request, name: Name, door: TheDoor, principal: Operator) -> RetiredVendor:
    """What is pending there, or needs a person, ends as cancelled, so that requests can close."""
    because, origin = kept_reason((await read_json(request, RETIRE)).because), origin_of(request.scope)
    try:
        retired = await door.intake.run(lambda: retiring.retire(door.engine, name, principal.name, because, origin))
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
