"""Settings: the first of their pages that somebody may see, and the receivers of changes of status."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Path, Request
from starlette.responses import Response

from config.webhooks import NAME
from domain.counted import counted
from intake import receivers as trying
from intake.receivers import UnknownReceiverError
from ledger.notices import receivers, webhooks
from ledger.notices.receivers import ReceiverState
from ledger.session import Connection
from web.console.forms import read_form
from web.console.navigation import SETTINGS
from web.console.pages import go_to, page
from web.console.routing import page_router
from web.context import Context
from web.dependencies import Manager, Reader, TheContext
from web.origin import origin_of
from web.problems import Problem

router = page_router()
ReceiverName = Annotated[str, Path(pattern=f"^{NAME.pattern}$")]
HERE = "/settings/receivers"


@router.get("/settings")
async def first(request: Request, principal: Reader) -> Response:
    """The first page that this role may see."""
    return go_to(request, next(one.path for one in SETTINGS if one.right is None or principal.may(one.right)))


@router.get(HERE)
async def show(request: Request, context: TheContext, _: Reader) -> Response:
    """Every receiver, and what waits for it."""

    def find() -> list[ReceiverState]:
        with context.engine.connect() as connection:
            return receivers.receiver_states(connection)

    found = await context.reads.run(find)
    return page(request, "settings_receivers.html", receivers=found, say_failure=trying.say_failure)


@router.post(HERE + "/{name}/test")
async def try_out(request: Request, name: ReceiverName, context: TheContext, _: Manager) -> Response:
    """Send a signed test message, and say what came of it."""
    await read_form(request)
    request.state.target = name
    try:
        result = await trying.try_out(context.settings, name)
    except UnknownReceiverError as error:
        return go_to(request, HERE, f"{name} was not sent a test message: {error}.")
    taken = "took" if result.failure is None else "did not take"
    return go_to(request, HERE, f"{name} {taken} the test message: {trying.say_result(result)}.")


@router.post(HERE + "/{name}/on")
async def switch_on(request: Request, name: ReceiverName, context: TheContext, principal: Manager) -> Response:
    """Send it every change from now on."""
    by, origin = principal.name, origin_of(request.scope)
    said = f"{name} is on: it gets every change from now on."
    return await _switch(request, context, name, lambda one: webhooks.switch_receiver_on(one, name, by, origin), said)


@router.post(HERE + "/{name}/off")
async def switch_off(request: Request, name: ReceiverName, context: TheContext, principal: Manager) -> Response:
    """Send it nothing more."""
    by, origin = principal.name, origin_of(request.scope)
    said = f"{name} is off: what still waited for it is given up."
    return await _switch(request, context, name, lambda one: webhooks.switch_receiver_off(one, name, by, origin), said)


async def _switch(
    request: Request, context: Context, name: str, switch: Callable[[Connection], bool], said: str
) -> Response:
    await read_form(request)

    def work() -> None:
        with context.engine.begin() as connection:
            if not switch(connection):
                raise _no_such_receiver()

    await context.intake.run(work)
    request.state.target, request.state.audited = name, True
    return go_to(request, HERE, said)


@router.post(HERE + "/{name}/retry")
async def retry(request: Request, name: ReceiverName, context: TheContext, principal: Manager) -> Response:
    """Send now what failed or was given up."""
    await read_form(request)
    origin = origin_of(request.scope)

    def work() -> int:
        with context.engine.begin() as connection:
            messages = receivers.retry(connection, name, principal.name, origin)
        if messages is None:
            raise _no_such_receiver()
        return messages

    messages = await context.intake.run(work)
    request.state.target, request.state.audited = name, True
    return go_to(request, HERE, f"{counted(messages, 'message')} for {name} go out again.")


def _no_such_receiver() -> Problem:
    return Problem(404, "no-such-receiver", "there is no receiver of this name")
