"""Signing in by a code that holds once, from the link that `consent demo --stay` prints.

The code stands behind the link's #, which no browser sends: a script of ours puts it into the form, or a person does.
"""

from fastapi import Request
from starlette.responses import Response

from intake.access.roles import Principal, Role
from web.access import session
from web.access.once import redeem
from web.access.password_login import LoggedIn
from web.console.forms import keep_strangers, read_form, token_of_stranger
from web.console.pages import go_to, page
from web.console.routing import page_router
from web.context import Context
from web.dependencies import TheContext

AT = "/sign-in/once"
LONGEST_CODE = 100

router = page_router()


def _page(request: Request, *, status: int = 200, wrong: str = "") -> Response:
    kept: list[tuple[str, str]] = []
    token = token_of_stranger(request, kept)
    response = page(request, "sign_in_once.html", status=status, form_token=token, wrong=wrong)
    keep_strangers(request, response, kept)
    return response


@router.get(AT)
async def show(request: Request) -> Response:
    """Ask for the code."""
    return _page(request)


@router.post(AT)
async def sign_in(request: Request, context: TheContext) -> Response:
    """Begin a session, where the code holds."""
    given = await read_form(request, "code", stranger=True)
    found = await _redeemed(context, given["code"])
    if found is None:
        request.state.denied = True
        return _page(request, status=401, wrong="This code was used, or is older than five minutes.")
    request.state.principal = Principal(f"user:{found.user.name}", Role(found.user.role))
    answer = go_to(request, "/")
    session.keep(request, answer, found)
    return answer


async def _redeemed(context: Context, code: str) -> LoggedIn | None:
    if not code or len(code) > LONGEST_CODE:
        return None
    return await context.intake.run(lambda: redeem(context, code))
