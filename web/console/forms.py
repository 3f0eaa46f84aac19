"""Forms of the console: read whole and strictly, and only where our own page has sent them."""

import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from fastapi import Request, Response

from web.access import cookies
from web.access.gate import COOKIE
from web.bodies import SMALL_JSON, allowance_of, media_type, refuse_encoded
from web.problems import Problem

TOKEN = "form_token"  # noqa: S105 - a name
STRANGER = "consent_form"
"""The cookie of a browser that shows a form before anybody has signed in."""
MOST_FIELDS = 60
LASTS_S = 3_600
STALE = "this form is too old, or not from our own page; go back, reload it and send it again"


def token_of(request: Request) -> str:
    """What every form of this page carries, so that no other site can send it. It is derived from the cookie that the
    browser shows, which no other site can read."""
    cookie = cookies.read(request, COOKIE) or cookies.read(request, STRANGER) or ""
    return _derived(cookie) if cookie else ""


def token_of_stranger(request: Request, response_cookies: list[tuple[str, str]]) -> str:
    """The same for a browser without a session; a cookie that it needs is added to `response_cookies`."""
    shown = cookies.read(request, STRANGER)
    if not shown:
        shown = secrets.token_urlsafe(24)
        response_cookies.append((STRANGER, shown))
    return _derived(shown)


def keep_strangers(request: Request, response: Response, kept: list[tuple[str, str]]) -> None:
    """Have the browser keep what `token_of_stranger` has made."""
    for name, value in kept:
        cookies.keep(request, response, name, value, seconds=LASTS_S, samesite="strict")


def _derived(cookie: str) -> str:
    return hmac.new(cookie.encode(), b"consent console form", "sha256").hexdigest()


async def read_form(
    request: Request, *fields: str, stranger: bool = False, most_fields: int = MOST_FIELDS
) -> Mapping[str, str]:
    """The fields of a form, each once, without surrounding blanks; those not sent are empty. Raises Problem: 403 where
    our own page did not send it, 415, 422."""
    refuse_encoded(request)
    if media_type(request) != "application/x-www-form-urlencoded":
        raise Problem(415, "not-a-form", "send the form as a browser does")
    allowance_of(request).most = SMALL_JSON
    body = await request.body()
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=most_fields)
    except ValueError:
        raise Problem.unusable("the form cannot be read; nothing was done") from None
    given = dict(pairs)
    check_token(request, given.pop(TOKEN, ""), STRANGER if stranger else COOKIE)
    if len(given) != len(pairs) - 1 or not given.keys() <= {*fields}:
        raise Problem.unusable("the form has fields that are not known; nothing was done")
    return {name: given.get(name, "") if name == "password" else given.get(name, "").strip() for name in fields}


def day_of(written: str) -> datetime | None:
    """The beginning of a day, in UTC; None where none is given, or there is no such day."""
    try:
        return datetime.fromisoformat(written).replace(tzinfo=UTC) if written else None
    except ValueError:
        return None


def check_token(request: Request, shown: str, cookie_name: str = COOKIE) -> None:
    """Raise Problem (403) where this is not the token that a page of ours got for the cookie of this browser."""
    cookie = cookies.read(request, cookie_name) or ""
    if not cookie or not hmac.compare_digest(shown.encode(), _derived(cookie).encode()):
        raise Problem(403, "stale-form", STALE)
