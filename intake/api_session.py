"""Sessions of console users: logging in with a password, seeing who one is, logging out."""

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from intake.api_door import Anybody, TheDoor
from intake.api_models import Login, Session
from intake.api_schema import json_body
from intake.auth import COOKIE, refuse_guess
from intake.bodies import read_json
from intake.login import LASTS_S, log_in, log_out
from intake.problems import Problem
from intake.roles import Principal, Role
from ledger.guesses import Attempt

router = APIRouter(tags=["session"])
SHAPE = TypeAdapter(Login)


@router.post("/v1/session", summary="Log a console user in", openapi_extra=json_body(Login))
async def begin(request: Request, response: Response, door: TheDoor) -> Session:
    """Sets a cookie that lasts a working day. Scripts use API keys instead."""
    given = await read_json(request, SHAPE)
    found = await door.logins.run(lambda: log_in(door, given.name, given.password))
    if isinstance(found, Attempt):
        await refuse_guess(found)
        raise Problem(401, "unauthorized", "unknown name, wrong password, or an account that is disabled")
    user, token = found
    request.state.principal = Principal(f"user:{user.name}", Role(user.role))
    keep_session(response, token, secure=request.url.scheme == "https")
    return Session(name=user.name, role=user.role)


def keep_session(response: Response, token: str, *, secure: bool) -> None:
    """Have the browser keep this session until it is over."""
    # Lax and not Strict, so that a link in a mail leads into the console; what changes something also needs Origin.
    response.set_cookie(COOKIE, token, max_age=int(LASTS_S), httponly=True, samesite="lax", secure=secure)


@router.get("/v1/session", summary="Who am I?")
async def show(principal: Anybody) -> Session:
    """The name and role of this key or session."""
    return Session(name=principal.name, role=principal.role)


@router.delete("/v1/session", summary="Log out", status_code=204)
async def end(request: Request, response: Response, door: TheDoor, _: Anybody) -> None:
    """Ends the session of the cookie, everywhere within seconds."""
    token = request.cookies.get(COOKIE)
    if token is not None:
        await door.intake.run(lambda: log_out(door, token))
        request.app.state.gate.forget(token)
    response.delete_cookie(COOKIE)
