"""Sessions of console users over HTTP: begun with a password, kept in a cookie, ended."""

from fastapi import Request, Response

from intake.access.roles import Principal, Role
from ledger.accounts.audit import UNKNOWN
from web.access import cookies
from web.access.device import device_shown, keep_device
from web.access.gate import COOKIE, Gate, refuse_guess
from web.access.password_login import LASTS_S, LoggedIn, log_in, log_out, who_tries
from web.context import Context
from web.networks import network_of
from web.origin import host_of
from web.pool import BusyError
from web.problems import Problem


async def begin(request: Request, name: str, password: str) -> LoggedIn:
    """Log a console user in. Raises Problem: 401, 403 where passwords are switched off, 429."""
    context = _context(request)
    refuse_switched_off(request)
    host, device = host_of(request), device_shown(request)
    tried = await context.reads.run(lambda: who_tries(context, name, device))
    request.state.account = tried.account or UNKNOWN
    try:
        found = await context.logins.run(
            lambda: log_in(context, name, password, host, device),
            network_of(host),
            known_device=tried.known_device,
        )
    except BusyError:
        raise Problem.later(429, "busy", "as many logins as can be wait to be checked; ask again", 2) from None
    if not isinstance(found, LoggedIn):
        await refuse_guess(found)
        raise Problem(401, "unauthorized", "unknown name, wrong password, or an account that is disabled")
    request.state.principal = Principal(f"user:{found.user.name}", Role(found.user.role))
    return found


def keep(request: Request, response: Response, found: LoggedIn) -> None:
    """Have the browser keep this session until it is over, and be known as a device of theirs."""
    keep_session(request, response, found.token)
    keep_device(request, response, found.device)


def keep_session(request: Request, response: Response, token: str, *, secure: bool | None = None) -> None:
    """Have the browser keep this session until it is over."""
    cookies.keep(request, response, COOKIE, token, seconds=int(LASTS_S), secure=secure)


async def end(request: Request, response: Response) -> None:
    """End the session of the cookie, everywhere within seconds. The device stays known."""
    token = cookies.read(request, COOKIE)
    if token is not None:
        context, gate = _context(request), request.app.state.gate
        assert isinstance(gate, Gate)  # noqa: S101 - for the type checker
        await context.intake.run(lambda: log_out(context, token))
        gate.forget(token)
    for secure in {cookies.is_secure(request), cookies.PREFIX + COOKIE in request.cookies}:
        cookies.drop(request, response, COOKIE, secure=secure)


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


def refuse_switched_off(request: Request) -> None:
    """Raise Problem where nobody logs in with a password."""
    settings = _context(request).settings
    if settings.password_login:
        return
    way = "log in at /v1/session/oidc" if settings.oidc is not None else "use an API key"
    raise Problem(403, "password-login-off", f"logging in with a password is switched off here; {way}")
