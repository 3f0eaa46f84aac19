"""The vendors: how each does, what it can and cannot, and holding, resuming, switching and retiring it."""

from collections.abc import Callable
from typing import Annotated, NamedTuple

from fastapi import Path, Request
from starlette.responses import Response

from adapters.card import Card
from adapters.registry import adapter_named
from domain.accounts import PATTERN
from domain.by_hand import ByHand
from domain.counted import counted_deliveries as deliveries
from ledger.by_hand import recipients
from ledger.delivery import switching, vendors
from ledger.delivery.traffic import SHOWN_MINUTES, Traffic, traffic_of
from ledger.delivery.vendors import Vendor
from ledger.session import Connection
from tasks import retire as retiring
from web.access.gate import Principal
from web.bodies import kept_reason
from web.console.forms import read_form
from web.console.live import Shown
from web.console.pages import go_to, page, part_of_page
from web.console.routing import page_router
from web.console.streams import part, stream
from web.context import Context
from web.dependencies import OnlookingReader, Operator, Reader, TheContext
from web.origin import origin_of
from web.problems import Problem

router = page_router()
Name = Annotated[str, Path(pattern=PATTERN)]


class Seen(NamedTuple):
    """A vendor and its card, where we know it, or what is known of a recipient without an API."""

    vendor: Vendor
    card: Card | None
    by_hand: ByHand | None
    traffic: Traffic


@router.get("/vendors")
async def show_all(request: Request, context: TheContext, _: Reader) -> Response:
    """Every vendor that the workers have announced."""
    found = await context.reads.run(lambda: _all(context))
    return page(request, "vendors.html", vendors=found)


@router.get("/vendors/{name}")
async def show(request: Request, name: Name, context: TheContext, _: Reader) -> Response:
    """One vendor, with its card."""
    found = await context.reads.run(lambda: _all(context))
    return page(request, "vendor.html", shown=_named(found, name), minutes=SHOWN_MINUTES)


@router.get("/vendors/{name}/live")
async def live_part(name: Name, context: TheContext, _: OnlookingReader) -> Response:
    """How it is used now."""
    return await part(context, lambda: _live(context, name))


@router.get("/vendors/{name}/stream")
async def live_stream(request: Request, name: Name, context: TheContext, principal: OnlookingReader) -> Response:
    """The same whenever it changes, for all who look at it."""
    return stream(request, principal, ("vendor", name), lambda: _live(context, name))


def _live(context: Context, name: str) -> Shown:
    shown = _named(_all(context), name)
    return Shown(part_of_page("vendor_live.html", None, shown=shown, minutes=SHOWN_MINUTES))


def _all(context: Context) -> list[Seen]:
    with context.engine.connect() as connection:
        by_hand, traffic = recipients(connection), traffic_of(connection)
        return [
            Seen(one, _card(one.name), by_hand.get(one.name), traffic.get(one.name, Traffic()))
            for one in vendors.all_vendors(connection)
        ]


def _card(name: str) -> Card | None:
    adapter = adapter_named(name)
    return adapter.card if adapter else None


def _named(found: list[Seen], name: str) -> Seen:
    for one in found:
        if one.vendor.name == name:
            return one
    raise no_such_vendor()


def no_such_vendor() -> Problem:
    """No worker has announced one of this name."""
    return Problem(404, "no-such-vendor", "there is no vendor of this name")


@router.post("/vendors/{name}/hold")
async def hold(request: Request, name: Name, context: TheContext, principal: Operator) -> Response:
    """Send nothing to it until it is resumed."""
    said = f"{name} is held: nothing is sent there until somebody resumes it."
    return await _do(request, context, name, lambda one: vendors.hold(one, name, principal.name), said)


@router.post("/vendors/{name}/resume")
async def resume(request: Request, name: Name, context: TheContext, _: Operator) -> Response:
    """Let it and all of its steps go on."""
    said = f"{name} goes on. The workers see it within a second."
    return await _do(request, context, name, lambda one: vendors.resume(one, name), said)


async def _do(request: Request, context: Context, name: str, deed: Callable[[Connection], bool], said: str) -> Response:
    await read_form(request)

    def work() -> None:
        with context.engine.begin() as connection:
            if not deed(connection):
                raise no_such_vendor()

    await context.intake.run(work)
    request.state.target = name
    return go_to(request, f"/vendors/{name}", said)


@router.post("/vendors/{name}/on")
async def switch_on(request: Request, name: Name, context: TheContext, principal: Operator) -> Response:
    """Have new requests go there."""
    said = f"{name} is on: new requests go there."
    return await _switch(request, context, principal, name, switch=switching.switch_on, said=said)


@router.post("/vendors/{name}/off")
async def switch_off(request: Request, name: Name, context: TheContext, principal: Operator) -> Response:
    """Have no new request go there; what is pending waits."""
    said = f"{name} is off: new requests leave it out, and what is pending there waits."
    return await _switch(request, context, principal, name, switch=switching.switch_off, said=said)


async def _switch(
    request: Request,
    context: Context,
    principal: Principal,
    name: str,
    *,
    switch: Callable[..., bool],
    said: str,
) -> Response:
    origin = origin_of(request.scope)
    await read_form(request)

    def work() -> None:
        with context.engine.begin() as connection:
            if name not in {one.name for one in vendors.all_vendors(connection)}:
                raise no_such_vendor()
            switch(connection, name, principal.name, origin)

    await context.intake.run(work)
    request.state.target, request.state.audited = name, True
    return go_to(request, f"/vendors/{name}", said)


@router.post("/vendors/{name}/retire")
async def retire(request: Request, name: Name, context: TheContext, principal: Operator) -> Response:
    """Leave it for good: what is pending there, or needs a person, ends as cancelled."""
    because, origin = kept_reason((await read_form(request, "because"))["because"]), origin_of(request.scope)
    try:
        retired = await context.intake.run(
            lambda: retiring.retire(context.engine, name, principal.name, because, origin)
        )
    except retiring.NoSuchVendorError:
        raise no_such_vendor() from None
    request.state.target, request.state.audited = name, True
    ended = deliveries(retired.pending + retired.waiting)
    return go_to(request, f"/vendors/{name}", f"{name} is retired; {ended} ended as cancelled.")
