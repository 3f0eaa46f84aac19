"""Signing in and out."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from web.access import session
from web.access.way_back import keep, own_page
from web.console.forms import keep_strangers, read_form, token_of_stranger
from web.console.pages import go_to, page
from web.console.routing import page_router
from web.context import Context
from web.dependencies import Anybody, TheContext
from web.problems import Problem

Next = Annotated[str, Query(max_length=200, alias="next")]
LONGEST_NAME, LONGEST_PASSWORD = 100, 256

router = page_router()


def sign_in_page(
    request: Request, context: Context, *, back: str = "/", status: int = 200, wrong: str = "", name: str = ""
) -> Response:
    """The page that asks who it is."""
    kept: list[tuple[str, str]] = []
    settings = context.settings
    response = page(
        request,
        "sign_in.html",
        status=status,
        form_token=token_of_stranger(request, kept),
        back=own_page(back),
        wrong=wrong,
        name=name,
        by_password=settings.password_login,
        by_provider=settings.oidc is not None,
    )
    keep_strangers(request, response, kept)
    return response


@router.get("/sign-in")
async def show(request: Request, context: TheContext, back: Next = "/") -> Response:
    """Ask who it is."""
    return sign_in_page(request, context, back=back)


@router.post("/sign-in")
async def sign_in(request: Request, context: TheContext) -> Response:
    """Begin a session, and go to the page that was asked for."""
    given = await read_form(request, "name", "password", "next", stranger=True)
    back = own_page(given["next"])
    try:
        session.refuse_switched_off(request)
        found = await session.begin(request, *_checked(given))
    except Problem as problem:
        answer = sign_in_page(
            request,
            context,
            back=back,
            status=problem.status_code,
            wrong=_say(problem),
            name=given["name"][:LONGEST_NAME],
        )
        answer.headers.update(problem.headers or {})
        return answer
    answer = go_to(request, back)
    session.keep(request, answer, found)
    return answer


def _checked(given: Mapping[str, str]) -> tuple[str, str]:
    name, password = given["name"], given["password"]
    if not name or not password:
        raise Problem.unusable("give a name and a password")
    if len(name) > LONGEST_NAME or len(password) > LONGEST_PASSWORD or not name.isprintable():
        raise Problem(401, "unauthorized", "this is no name of a user")
    return name, password


def _say(problem: Problem) -> str:
    wait_s = int((problem.headers or {}).get("Retry-After", 0))
    if problem.kind == "guessing":
        minutes = -(-wait_s // 60)
        return (
            f"Too many failed tries. Wait {minutes} minute{'s' if minutes > 1 else ''}, or have somebody who runs this "
            "machine enter: consent user unlock NAME"
        )
    if problem.kind == "unauthorized":
        return "This name and password do not belong together, or the account is disabled."
    return f"{problem.detail[:1].upper()}{problem.detail[1:]}."


@router.get("/sign-in/provider")
async def at_provider(request: Request, context: TheContext, back: Next = "/") -> Response:
    """Sign in at the identity provider, and come back to a page."""
    if context.settings.oidc is None:
        raise Problem(404, "not-found", "no identity provider is set up here")
    answer = go_to(request, "/v1/session/oidc")
    keep(request, answer, back)
    return answer


@router.post("/sign-out")
async def sign_out(request: Request, _: Anybody) -> Response:
    """End the session."""
    await read_form(request)
    answer = go_to(request, "/sign-in", "You are signed out.")
    await session.end(request, answer)
    return answer
