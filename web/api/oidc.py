"""Logs in console users with an OpenID Connect provider: there, back, and the same session as by password."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from adapters.egress import Egress
from adapters.id_token import Denial, DeniedError
from adapters.identity_provider import IdentityProvider, ProviderAwayError
from config.oidc import CALLBACK, OidcSettings
from ledger.accounts.audit import Entry
from ledger.accounts.guesses import Attempt
from web import errors
from web.access import cookies, oidc_login, way_back
from web.access.device import device_shown, keep_device
from web.access.gate import guessing, refuse_guess
from web.access.password_login import LoggedIn
from web.access.session import keep_session
from web.audit_trail import NOBODY
from web.context import Context
from web.dependencies import TheContext
from web.frame import deed_of
from web.origin import host_of
from web.problems import Problem

BEGUN = "consent_oidc"
AWAY_S = 5


def open_oidc(app: FastAPI, settings: OidcSettings, egress: Egress) -> None:
    """Enable logging in at this provider, which is reached by this egress."""
    router = APIRouter(tags=["session"])
    provider = IdentityProvider(
        settings.issuer, settings.client_id, settings.client_secret, settings.redirect_url, egress
    )
    back = urlsplit(settings.redirect_url)
    secure = back.scheme == "https"
    home = back.path.removesuffix("/oidc/callback")  # "Who am I?", for who did not come from a page

    @router.get("/v1/session/oidc", summary="Log in at the provider", status_code=303, response_class=RedirectResponse)
    async def begin(request: Request, context: TheContext) -> Response:
        """Sends the browser to the identity provider."""
        shown = device_shown(request)
        begun, once = await context.reads.run(lambda: oidc_login.begin(context, shown))
        async with _on_record(request):
            answer = RedirectResponse(await provider.address(once), 303)
        cookies.keep(request, answer, BEGUN, begun, seconds=oidc_login.WITHIN_S, secure=secure, path=back.path)
        return answer

    @router.get(CALLBACK, summary="Back from the provider", status_code=303, response_class=RedirectResponse)
    async def end(request: Request, context: TheContext, code: str = "", state: str = "") -> Response:
        """Sets the same cookie as a password login, and redirects to the page that the login began at, or to the user's
        session. A `state` works once."""
        answer: Response = RedirectResponse(way_back.read(request) or home, 303)
        try:
            async with _on_record(request):
                found = await _let_in(request, context, provider, code, state)
            by, source = f"user:{found.user.name}", host_of(request)
            await _note(request, Entry(by, deed_of(request.scope), allowed=True, status=303, source=source))
            keep_session(request, answer, found.token, secure=secure)
            keep_device(request, answer, found.device, secure=secure)
        except errors.HANDLED as error:
            answer = errors.of(error).response()
        cookies.drop(request, answer, BEGUN, secure=secure, path=back.path)
        return answer

    app.include_router(router)


async def _let_in(request: Request, context: Context, provider: IdentityProvider, code: str, state: str) -> LoggedIn:
    begun, host = cookies.read(request, BEGUN) or "", host_of(request)
    once = await context.intake.run(lambda: oidc_login.resume(context, begun, state, host))
    if isinstance(once, Attempt):
        raise guessing(once)
    if not code:  # an `error`, perhaps with a text, which we do not repeat
        raise DeniedError(Denial.PROVIDER)
    try:
        email = await provider.email(code, once)
        return await context.intake.run(lambda: oidc_login.end(context, email, host, oidc_login.device_of(begun)))
    except DeniedError:
        await refuse_guess(await context.intake.run(lambda: oidc_login.failed(context, host)))
        raise


@asynccontextmanager
async def _on_record(request: Request) -> AsyncIterator[None]:
    """Record a denial in the audit log before the answer, with one of our own reasons."""
    try:
        yield
        return
    except Problem as error:
        problem = error
    except DeniedError as error:
        problem = Problem(401, "unauthorized", str(error))
    except ProviderAwayError as error:
        problem = Problem.later(503, "provider-away", str(error), AWAY_S)
    deed, status = deed_of(request.scope), problem.status_code
    source = host_of(request)
    await _note(request, Entry(NOBODY, deed, allowed=False, status=status, because=problem.detail, source=source))
    raise problem


async def _note(request: Request, entry: Entry) -> None:
    await request.app.state.trail.add(entry)
    request.state.audited = True
