"""What the API's routes are given, as FastAPI dependencies."""

from typing import Annotated

from fastapi import Depends, Request

from intake.auth import Principal, Right, allowed
from intake.door import Door


def the_door(request: Request) -> Door:
    """The door this app stands at."""
    door: Door = request.app.state.door
    return door


async def _door(request: Request) -> Door:  # not in a thread, as FastAPI does with plain functions
    return the_door(request)


TheDoor = Annotated[Door, Depends(_door)]
Submitter = Annotated[Principal, Depends(allowed(Right.SUBMIT))]
Reader = Annotated[Principal, Depends(allowed(Right.READ))]
Operator = Annotated[Principal, Depends(allowed(Right.OPERATE))]
SubmitterOrReader = Annotated[Principal, Depends(allowed(Right.SUBMIT, Right.READ))]
"""Who only submits sees what they submitted themselves: `Principal.sees_only`."""
SubmitterOrOperator = Annotated[Principal, Depends(allowed(Right.SUBMIT, Right.OPERATE))]
Anybody = Annotated[Principal, Depends(allowed())]
"""Any principal, but nobody unknown."""
