"""Adding and releasing legal holds, for the API and the console."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from fastapi import Request

from domain.moments import end_of
from domain.outcomes import Reason
from tasks.legal_holds import HoldError, Keeper, NoSuchHoldError
from tasks.subjects import LOOKED_FOR, check_subject
from web.access.gate import Principal
from web.bodies import fault, kept_reason
from web.context import Context
from web.origin import origin_of
from web.problems import Problem


class Why(NamedTuple):
    """Why somebody is kept, and until when."""

    reason: Reason
    because: str
    until: datetime | None


async def add_hold(
    request: Request, context: Context, principal: Principal, person: Mapping[str, str], why: Why
) -> int:
    """Keep a person's data; returns the hold's number. Raises Problem, tasks.subjects.SubjectError."""
    subject, because = check_subject(dict(person), LOOKED_FOR), kept_reason(why.because)
    keeper = _keeper(request, context, principal)
    until = end_of(why.until) if why.until is not None else None
    try:
        hold_id = await context.intake.run(lambda: keeper.add(subject, why.reason, because, until))
    except HoldError:
        raise Problem.unusable("no hold was added", [fault("until", "must be still to come")]) from None
    request.state.target, request.state.audited = f"legal hold {hold_id}", True
    return hold_id


async def release_hold(
    request: Request, context: Context, principal: Principal, hold_id: int, because: str | None
) -> None:
    """End a hold now. Raises Problem."""
    request.state.target = f"legal hold {hold_id}"
    kept = kept_reason(because) if because else None
    keeper = _keeper(request, context, principal)
    try:
        await context.intake.run(lambda: keeper.release(hold_id, kept))
    except NoSuchHoldError:
        raise Problem(404, "no-such-hold", "there is no legal hold of this number in force") from None
    request.state.audited = True


def _keeper(request: Request, context: Context, principal: Principal) -> Keeper:
    return Keeper(context.engine, context.masters, principal.name, context.wake, origin_of(request.scope))
