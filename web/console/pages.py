"""Pages put together from templates, with the headers that keep them safe."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, RedirectResponse, Response

from domain.counted import counted
from intake.access.roles import Principal, Right
from web import flower_place
from web.access import cookies
from web.console import account_words, words
from web.console.assets import address_of, icon
from web.console.forms import token_of
from web.console.navigation import NAVIGATION, SETTINGS

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    # With `no-referrer` a browser says `Origin: null` of our own forms.
    "Referrer-Policy": "same-origin",
}
SAID = "consent_said"
"""The cookie that carries one sentence over a redirect: what was done."""
SHOWN_WITHIN_S = 60
NAMED = re.compile("`([^`]+)`")


def moment(at: datetime | None) -> Markup:
    """A moment, for `console.js` to show in the reader's own zone; UTC without it, and where one points at it."""
    if at is None:
        return Markup('<span class="quiet">&ndash;</span>')
    there = at.astimezone(UTC)
    text = f"{there.day} {there:%b %Y, %H:%M} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(there.isoformat(timespec="seconds"), text, text)


def day(at: datetime) -> Markup:
    """The same, of which the day is what matters."""
    there = at.astimezone(UTC)
    return Markup('<time class="day" datetime="{}" title="{}">{}</time>').format(
        there.isoformat(timespec="seconds"), f"{there:%Y-%m-%d %H:%M} UTC", f"{there.day} {there:%b %Y}"
    )


def marked(text: str) -> Markup:
    """A sentence of ours in which names stand between backticks."""
    return Markup(NAMED.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped right here


def breakable(name: str) -> Markup:
    """A name that may go on in the next line after each underscore."""
    return escape(name).replace("_", Markup("_<wbr>"))


def number(count: float) -> str:
    """With separators."""
    return f"{count:,.0f}"


def size(count: int) -> str:
    """A number of bytes, in the largest unit that it fills."""
    for unit, of_it in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= of_it:
            return f"{count / of_it:,.3g} {unit}"
    return counted(count, "byte")


ENVIRONMENT = Environment(
    loader=PackageLoader("web.console"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
ENVIRONMENT.globals |= {
    "icon": icon,
    "address_of": address_of,
    "kind": words.say_kind,
    "status": words.say_status,
    "outcome": words.say_outcome,
    "reason": words.say_reason,
    "regulation": words.say_law,
    "counted": counted,
    "advice": words.say_advice,
    "vendor_word": words.say_vendor,
    "answer_word": words.say_answer,
    "key_word": account_words.say_key,
    "user_word": account_words.say_user,
    "receiver_word": account_words.say_receiver,
    "allowed_word": account_words.say_allowed,
    "deed_words": account_words.say_deed,
    "again": "",
    "navigation": NAVIGATION,
    "settings_tabs": SETTINGS,
    "WAITING": words.WAITING,
}
ENVIRONMENT.filters |= {
    "moment": moment,
    "day": day,
    "number": number,
    "size": size,
    "marked": marked,
    "breakable": breakable,
}


def part_of_page(template: str, principal: Principal | None, **values: Any) -> str:
    """What a template makes of these values, for this principal."""
    may = {right.value: principal is not None and principal.may(right) for right in Right}
    return ENVIRONMENT.get_template(template).render(principal=principal, may=may, **values)


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """The page of this template."""
    principal: Principal | None = getattr(request.state, "principal", None)
    said = cookies.read(request, SAID)
    values.setdefault("form_token", token_of(request))
    values.setdefault("here", request.url.path)
    html = part_of_page(
        template,
        principal,
        said=unquote(said) if said else "",
        flower_runs=principal is not None and flower_place.runs(request.app.state.context.settings),
        **values,
    )
    response = HTMLResponse(html, status, dict(HEADERS))
    if said:
        cookies.drop(request, response, SAID)
    return response


def go_to(request: Request, path: str, said: str = "") -> Response:
    """Lead the browser to one of our pages, which then says what was done; no identifier may stand in either."""
    response = RedirectResponse(path, 303, dict(HEADERS))
    if said:
        cookies.keep(request, response, SAID, quote(said), seconds=SHOWN_WITHIN_S)
    return response
