"""What the API's routes are given, as FastAPI dependencies."""

from typing import Annotated

from fastapi import Depends, Request

from web.access.gate import Principal, Right, allowed
from web.context import Context
from web.parameters import refuse_misspelt


def the_context(request: Request) -> Context:
    """What this app works with."""
    context: Context = request.app.state.context
    return context


async def _context(request: Request) -> Context:  # not in a thread, as FastAPI does with plain functions
    return the_context(request)


def _asking(*rights: Right) -> object:
    """Whoever has one of these rights, and asks for nothing that we would leave aside."""
    let_in = allowed(*rights)

    async def principal(request: Request) -> Principal:
        found = await let_in(request)
        refuse_misspelt(request)
        return found

    return Depends(principal)


TheContext = Annotated[Context, Depends(_context)]
Submitter = Annotated[Principal, _asking(Right.SUBMIT)]
Reader = Annotated[Principal, _asking(Right.READ)]
Operator = Annotated[Principal, _asking(Right.OPERATE)]
SubmitterOrReader = Annotated[Principal, _asking(Right.SUBMIT, Right.READ)]
"""Who only submits sees what they submitted themselves: `Principal.sees_only`."""
SubmitterOrOperator = Annotated[Principal, _asking(Right.SUBMIT, Right.OPERATE)]
Anybody = Annotated[Principal, _asking()]
"""Any principal, but nobody unknown."""
