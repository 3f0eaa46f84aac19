"""The list of people for a recipient without an API, for the person who asks it."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Path, Request
from starlette.responses import Response, StreamingResponse

from domain.accounts import PATTERN
from domain.by_hand import ByHand
from intake.manual_lists import as_csv
from ledger import by_hand
from ledger.desk import manual_tasks
from web.console.forms import read_form
from web.console.routing import page_router
from web.console.vendors import no_such_vendor
from web.context import Context
from web.dependencies import Operator, TheContext

router = page_router()
Name = Annotated[str, Path(pattern=PATTERN)]


@router.post("/recipients/{name}/list")
async def take_list(request: Request, name: Name, context: TheContext, _: Operator) -> Response:
    """Everybody whom the recipient is to be asked about, as a file. Who has taken it is in the audit log."""
    await read_form(request)
    known = await context.reads.run(lambda: _recipient(context, name))
    request.state.target, request.state.kept = name, True
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(_parts(context, name, known), media_type="text/csv; charset=utf-8", headers=headers)


def _recipient(context: Context, name: str) -> ByHand:
    with context.engine.connect() as connection:
        known = by_hand.recipients(connection)
    if name not in known:
        raise no_such_vendor()
    return known[name]


def _parts(context: Context, name: str, known: ByHand) -> Iterator[str]:
    with context.engine.connect() as connection:
        yield from as_csv(known, manual_tasks.asked_for(connection, context.masters, name, known))
