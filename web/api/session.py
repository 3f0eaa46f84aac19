"""Sessions of console users: log in with a password, show the user, log out."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, TypeAdapter

from intake.access.roles import Principal, Role
from ledger.accounts.audit import UNKNOWN
from web.access import cookies
from web.access.device import device_shown, keep_device
from web.access.gate import COOKIE, refuse_guess
from web.access.password_login import LASTS_S, LoggedIn, log_in, log_out, who_tries
from web.api.models import Given, Text, examples, json_body
from web.bodies import read_json
from web.dependencies import Anybody, TheContext
from web.networks import network_of
from web.origin import host_of
from web.pool import BusyError
from web.problems import Problem


class Login(Given):
    """A console user's name and password."""

    model_config = examples({"name": "ann", "password": "correct horse battery"})
    name: Text
    password: str = Field(min_length=1, max_length=256, json_schema_extra={"format": "password"})

    def __repr__(self) -> str:
        return "Login()"


class Session(BaseModel):
    """The user who is logged in."""

    model_config = examples({"name": "key:shop", "role": "operator"})
    name: str
    role: str


router = APIRouter(tags=["session"])
SHAPE = TypeAdapter(Login)


@router.post("/v1/session", summary="Log a console user in", openapi_extra=json_body(Login))
async def begin(request: Request, response: Response, context: TheContext) -> Session:
    """Sets a cookie that lasts a working day, and one that identifies this device. Scripts use API keys instead. With
    `CONSENT_PASSWORD_LOGIN=false` nobody can log in with a password: 403."""
    if not context.settings.password_login:
        raise _switched_off(by_provider=context.settings.oidc is not None)
    given = await read_json(request, SHAPE)
    host, device = host_of(request), device_shown(request)
    tried = await context.reads.run(lambda: who_tries(context, given.name, device))
    request.state.account = tried.account or UNKNOWN
    try:
        found = await context.logins.run(
            lambda: log_in(context, given.name, given.password, host, device),
            network_of(host),
            known_device=tried.known_device,
        )
    except BusyError:
        raise Problem.later(429, "busy", "as many logins as can be wait to be checked; ask again", 2) from None
    if not isinstance(found, LoggedIn):
        await refuse_guess(found)
        raise Problem(401, "unauthorized", "unknown name, wrong password, or an account that is disabled")
    request.state.principal = Principal(f"user:{found.user.name}", Role(found.user.role))
    secure = cookies.is_secure(request)
    keep_session(response, found.token, secure=secure)
    keep_device(response, found.device, secure=secure)
    return Session(name=found.user.name, role=found.user.role)


def _switched_off(*, by_provider: bool) -> Problem:
    way = "log in at /v1/session/oidc" if by_provider else "use an API key"
    return Problem(403, "password-login-off", f"logging in with a password is switched off here; {way}")


def keep_session(response: Response, token: str, *, secure: bool) -> None:
    """Set the session's cookie for its lifetime."""
    cookies.keep(response, COOKIE, token, seconds=int(LASTS_S), secure=secure)


@router.get("/v1/session", summary="Who am I?")
async def show(principal: Anybody) -> Session:
    """The name and role of this key or session."""
    return Session(name=principal.name, role=principal.role)


@router.delete("/v1/session", summary="Log out", status_code=204)
async def end(request: Request, response: Response, context: TheContext, _: Anybody) -> None:
    """Ends the session of the cookie, everywhere within seconds. The device stays known."""
    token = cookies.read(request, COOKIE)
    if token is not None:
        await context.intake.run(lambda: log_out(context, token))
        request.app.state.gate.forget(token)
    for secure in {cookies.is_secure(request), cookies.PREFIX + COOKIE in request.cookies}:
        cookies.drop(response, COOKIE, secure=secure)
