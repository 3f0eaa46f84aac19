"""Logging console users in with an OpenID Connect provider: there, back, and the session a password would give."""

import secrets
import time
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.responses import RedirectResponse

from adapters.identity_provider import Denial, DeniedError, IdentityProvider, Once, ProviderAwayError
from config.oidc import CALLBACK, OidcSettings
from intake.api_door import TheDoor
from intake.api_models import Session
from intake.auth import COOKIE
from intake.door import Door
from intake.login import LASTS_S, begin_session
from intake.pool import BusyError
from intake.problems import Problem
from intake.secrets import same
from intake.trail import NOBODY
from ledger.audit import Entry
from ledger.sealing import Fingerprinter

BEGUN = "consent_oidc"
WITHIN_S = 600
"""A login begun longer ago is begun anew."""
AT_ONCE = 8
Given = Annotated[str | None, Query(max_length=4096)]


def open_oidc(app: FastAPI, settings: OidcSettings) -> None:
    """Let people log in at the provider of these settings; nothing where there is none."""
    if not (settings.issuer and settings.client_id and settings.client_secret and settings.redirect_url):
        return
    provider = IdentityProvider(settings.issuer, settings.client_id, settings.client_secret, settings.redirect_url)
    app.include_router(_router(provider, secure=settings.redirect_url.startswith("https:")))


def _router(provider: IdentityProvider, *, secure: bool) -> APIRouter:
    router = APIRouter(tags=["session"])
    busy = 0

    @router.get("/v1/session/oidc", summary="Log in at the provider", status_code=303, response_class=RedirectResponse)
    async def begin(door: TheDoor) -> Response:
        """Sends the browser to the identity provider."""
        begun = f"{int(time.time())}.{secrets.token_urlsafe(32)}"
        try:
            place = await provider.address(_once(door.known().prints, begun))
        except ProviderAwayError as error:
            raise Problem.later(503, "provider-away", str(error), 5) from None
        answer = RedirectResponse(place, 303)
        answer.set_cookie(
            BEGUN, begun, max_age=WITHIN_S, path="/v1/session/oidc", httponly=True, samesite="lax", secure=secure
        )
        return answer

    @router.get(CALLBACK, summary="Back from the provider")
    async def end(
        request: Request, response: Response, door: TheDoor, code: Given = None, state: Given = None
    ) -> Session:
        """Sets the cookie that a password would. The audit log keeps every outcome, and of a denial its reason."""
        nonlocal busy
        if busy >= AT_ONCE:
            raise BusyError
        busy += 1
        deed, trail = f"GET {CALLBACK}", request.app.state.trail
        try:
            once = _resumed(door, request.cookies.get(BEGUN, ""), state)
            if code is None:
                raise DeniedError(Denial.PROVIDER)
            name = await provider.email(code, once)
            found = await door.logins.run(lambda: begin_session(door, name))
            if found is None:
                raise DeniedError(Denial.UNKNOWN)
        except DeniedError as error:
            await trail.add(Entry(NOBODY, deed, allowed=False, status=401, because=str(error)))
            request.state.audited = True
            raise Problem(401, "unauthorized", str(error)) from None
        except ProviderAwayError as error:
            raise Problem.later(503, "provider-away", str(error), 5) from None
        finally:
            busy -= 1
        user, token = found
        await trail.add(Entry(f"user:{user.name}", deed, allowed=True, status=200))
        response.delete_cookie(BEGUN, path="/v1/session/oidc")
        response.set_cookie(COOKIE, token, max_age=int(LASTS_S), httponly=True, samesite="lax", secure=secure)
        return Session(name=user.name, role=user.role)

    return router


def _once(prints: Fingerprinter, begun: str) -> Once:
    """All that ties a login together is derived from the cookie under our key: so `state` proves the cookie ours."""
    parts = (prints.print_of(what, begun.encode()).hex() for what in (b"oidc state", b"oidc nonce", b"oidc pkce 1"))
    state, nonce, verifier = parts
    return Once(state, nonce, verifier + prints.print_of(b"oidc pkce 2", begun.encode()).hex())


def _resumed(door: Door, begun: str, state: str | None) -> Once:
    once = _once(door.known().prints, begun)
    if state is None or not same(once.state.encode(), state.encode()):
        raise DeniedError(Denial.STATE)
    if not 0 <= time.time() - int(begun.partition(".")[0]) <= WITHIN_S:
        raise DeniedError(Denial.STATE)
    return once
