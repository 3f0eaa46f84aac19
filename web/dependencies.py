"""The FastAPI dependencies of the API's routes."""

from typing import Annotated

from fastapi import Depends, Request

from web.access.gate import Principal, Right, allowed
from web.context import Context
from web.parameters import refuse_misspelt


def the_context(request: Request) -> Context:
    """The app's Context."""
    context: Context = request.app.state.context
    return context


async def _context(request: Request) -> Context:  # async, because FastAPI runs plain functions in a thread
    return the_context(request)


def _asking(*rights: Right, is_use: bool = True) -> object:
    """Principals with one of these rights, whose query has no unknown parameters."""
    let_in = allowed(*rights, is_use=is_use)

    async def principal(request: Request) -> Principal:
        found = await let_in(request)
        refuse_misspelt(request)
        return found

    return Depends(principal)


TheContext = Annotated[Context, Depends(_context)]
Submitter = Annotated[Principal, _asking(Right.SUBMIT)]
Reader = Annotated[Principal, _asking(Right.READ)]
Manager = Annotated[Principal, _asking(Right.MANAGE)]
Operator = Annotated[Principal, _asking(Right.OPERATE)]
SubmitterOrReader = Annotated[Principal, _asking(Right.SUBMIT, Right.READ)]
"""A submitter only sees their own requests: `Principal.sees_only`."""
SubmitterOrOperator = Annotated[Principal, _asking(Right.SUBMIT, Right.OPERATE)]
Anybody = Annotated[Principal, _asking()]
"""Any authenticated principal."""
Onlooker = Annotated[Principal, _asking(is_use=False)]
"""Any authenticated principal, whose page asks by itself: that does not keep an idle session."""
OnlookingReader = Annotated[Principal, _asking(Right.READ, is_use=False)]
OnlookingSubmitter = Annotated[Principal, _asking(Right.SUBMIT, Right.READ, is_use=False)]
"""Or reader."""
