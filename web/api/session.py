"""Sessions of console users: log in with a password, show the user, log out."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, TypeAdapter

from web.access import session
from web.api.models import Given, Text, examples, json_body
from web.bodies import read_json
from web.dependencies import Anybody


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
async def begin(request: Request, response: Response) -> Session:
    """Sets a cookie that lasts a working day, and one that identifies this device. Scripts use API keys instead. With
    `CONSENT_PASSWORD_LOGIN=false` nobody can log in with a password: 403."""
    session.refuse_switched_off(request)
    given = await read_json(request, SHAPE)
    found = await session.begin(request, given.name, given.password)
    session.keep(request, response, found)
    return Session(name=found.user.name, role=found.user.role)


@router.get("/v1/session", summary="Who am I?")
async def show(principal: Anybody) -> Session:
    """The name and role of this key or session."""
    return Session(name=principal.name, role=principal.role)


@router.delete("/v1/session", summary="Log out", status_code=204)
async def end(request: Request, response: Response, _: Anybody) -> None:
    """Ends the session of the cookie, everywhere within seconds. The device stays known."""
    await session.end(request, response)
