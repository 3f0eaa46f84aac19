"""Akinon profile permissions. The vendor's page "Profile", read 2026-11-22; how CSRF tokens and cookies behave is taken
from Django, which the vendor's sites seem to run on (inferred)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, get_args

import httpx
import phonenumbers
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints

from adapters.card import Card
from adapters.cards.akinon import CARD
from adapters.contract import (
    Addressed,
    Answer,
    Call,
    Limits,
    Order,
    Person,
    UnreadableError,
    VendorOptions,
    VendorSettings,
    Verdict,
)
from adapters.reading import read_block, read_object
from adapters.triage import refusal
from adapters.writing import fixed
from domain.folding import fold_email
from domain.outcomes import Reason
from domain.requests import Email, Kind, Secret, Subject

Flag = Literal["email_allowed", "sms_allowed", "whatsapp_allowed", "call_allowed"]
FLAGS: tuple[Flag, ...] = get_args(Flag)

CookieName = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_-]{1,64}$")]
COOKIE_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+")
"""RFC 6265 4.1.1: what a cookie's value may hold. Anything else could add a second cookie or header."""

LIMITS = Limits(people=1)
NEXT = MappingProxyType({"identify": "permissions", "refetch": "permissions_again"})
"""What follows on looking at the profile; a CSRF token that was refused is fetched anew once."""

EXPIRED = Answer(Verdict.ACTION, Reason.SESSION_EXPIRED)
REFUSED = Answer(Verdict.ACTION, Reason.SESSION_REFUSED)


class AkinonSettings(VendorSettings):
    """CONSENT_AKINON__…"""

    session_cookie: CookieName = Field(default="sessionid", description="the session cookie's name")
    csrf_cookie: CookieName = Field(default="csrftoken", description="the CSRF cookie's name")
    loyalty: bool = Field(default=False, description="the site runs loyalty: use profile-with-loyalty")
    opt_in_flags: tuple[Flag, ...] = Field(
        default=FLAGS, min_length=1, description="what an opt-in that names no flags allows"
    )


class AkinonIdentifiers(BaseModel):
    """What a subject's `vendors.akinon` may hold: the person's own session, and by what to know whose it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    session_id: Secret | None = None
    csrf_token: Secret | None = None
    id: StrictInt | Annotated[str, StringConstraints(strict=True, pattern=r"^[1-9][0-9]{0,18}$")] | None = None
    email: Email | None = None


class AkinonOptions(VendorOptions):
    """`flags`: what an opt-in allows."""

    flags: tuple[Flag, ...] | None = Field(default=None, min_length=1)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person's session, and who its owner must be."""

    session_id: str = field(repr=False)
    csrf_token: str | None = field(repr=False)
    owner: tuple[str, str] = field(repr=False)  # ("id" | "email" | "phone", …)


@dataclass(frozen=True)
class Akinon:
    """One person a call, with that person's own session. `identify` looks whose session it is before `permissions`
    writes with it."""

    settings: AkinonSettings = field(repr=False)

    name: ClassVar[str] = "akinon"
    card: ClassVar[Card] = CARD
    call_people: ClassVar[int] = LIMITS.people
    chunk_people: ClassVar[int] = 500
    settings_model: ClassVar[type[VendorSettings]] = AkinonSettings
    options_model: ClassVar[type[VendorOptions]] = AkinonOptions
    identifiers_model: ClassVar[type[BaseModel]] = AkinonIdentifiers
    keeps_sessions: ClassVar[bool] = True

    def address(self, order: Order, subject: Subject) -> Addressed | Answer:
        """By the session given; nothing else opens a profile here."""
        known = read_block(subject, self.name, AkinonIdentifiers)
        if known is None:
            return Answer(Verdict.USER, Reason.REJECTED)
        if known.session_id is None:
            return Answer(Verdict.UNREACHABLE, Reason.NO_IDENTIFIER)
        values = [known.session_id] + ([] if known.csrf_token is None else [known.csrf_token])
        if not all(COOKIE_VALUE.fullmatch(value) for value in values):
            return Answer(Verdict.USER, Reason.REJECTED)
        owner = _owner(known, subject)
        if owner is None:
            return Answer(Verdict.USER, Reason.IDENTITY_UNKNOWN)
        return Addressed(Visitor(known.session_id, known.csrf_token, owner), "identify")

    def known_by(self, key: Visitor) -> frozenset[tuple[str, str]]:
        """Whose session it must be; the session itself differs from one request to the next."""
        return frozenset({key.owner})

    def touches(self, order: Order) -> frozenset[str]:
        """The flags that are set."""
        return frozenset(self._flags(order))

    def limits(self, call: Call) -> Limits:
        """A session is one person's."""
        return LIMITS

    def build(self, call: Call, people: Sequence[Person]) -> httpx.Request:
        """GET to look, PATCH of nothing but the flags to write: never a PUT, never `phone`, which would send a code."""
        (person,) = people
        cookies = {self.settings.session_cookie: person.key.session_id}
        if call.step in NEXT:
            return httpx.Request("GET", self._url(), headers={"Cookie": _cookie_header(cookies)})
        cookies[self.settings.csrf_cookie] = person.carry
        headers = {
            "Cookie": _cookie_header(cookies),
            "X-CSRFToken": person.carry,
            "Referer": f"{self.settings.base_url}/",  # Django refuses a write over https without it
        }
        return httpx.Request("PATCH", self._url(), headers=headers, json=self._flags(call.order))

    def classify(self, call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
        """A yes is a 200 that shows the flags as asked for, in the profile of the person intended."""
        return [self._meaning(call, person, response) for person in people]

    def probe(self) -> httpx.Request:
        """Looks at a profile without a session; there are no credentials of ours to try."""
        return httpx.Request("GET", self._url())

    def read_probe(self, response: httpx.Response) -> Answer:
        """Being asked to log in means that the API is at this address."""
        if response.status_code == httpx.codes.UNAUTHORIZED or _asks_for_login(response):
            return Answer(Verdict.APPLIED)
        refused = refusal(response.status_code)
        return refused if refused.verdict is Verdict.VENDOR else Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS)

    def _url(self) -> httpx.URL:
        # The slash at the end matters: without it Django redirects, and a redirected write is lost.
        page = "profile-with-loyalty" if self.settings.loyalty else "profile"
        return fixed(f"{self.settings.base_url}/users/{page}/")

    def _flags(self, order: Order) -> dict[str, bool]:
        if order.kind is Kind.OPT_IN:
            named = order.options.flags if order.options else None
            return dict.fromkeys(named or self.settings.opt_in_flags, True)
        return dict.fromkeys(FLAGS, False)

    def _meaning(self, call: Call, person: Person, response: httpx.Response) -> Answer:
        looking = call.step in NEXT
        match response.status_code:
            case 200:
                profile = read_object(response)
                stranger = _whose(profile, person.key.owner)
                if stranger:
                    return stranger
                return self._go_on(call, person, response) if looking else _in_effect(profile, self._flags(call.order))
            case 202 if not looking:
                # A code went to the person; nothing has changed, and asking again would send another one.
                return Answer(Verdict.ACTION, Reason.CODE_SENT)
            case 400:
                return Answer(Verdict.USER, Reason.REJECTED)
            case 401:
                return EXPIRED
            case 403:
                return _forbidden(call, response)
            case status if status >= 400:
                return refusal(status)
        raise UnreadableError("a yes that the page does not have")

    def _go_on(self, call: Call, person: Person, response: httpx.Response) -> Answer:
        fresh = _read_cookie(response, self.settings.csrf_cookie)
        token = fresh if call.step == "refetch" else person.key.csrf_token or fresh
        # Without a token Django refuses every write, so there is nothing to send.
        return Answer(Verdict.PROCEED, step=NEXT[call.step], carry=token) if token else REFUSED


def _owner(known: AkinonIdentifiers, subject: Subject) -> tuple[str, str] | None:
    """By what the session's owner can be checked, the surest first; None where nothing given tells."""
    email, phone, user_id = known.email or subject.get("email"), subject.get("phone_number"), subject.get("user_id")
    if known.id is not None:
        return ("id", str(known.id))
    if email:
        return ("email", fold_email(email))
    if phone:
        return ("phone", phone)
    # A user_id that is no number is no id of Akinon's, and proves nothing.
    return ("id", user_id) if user_id and user_id.isascii() and user_id.isdigit() else None


def _whose(profile: dict[str, Any], owner: tuple[str, str]) -> Answer | None:
    """None where the profile is the owner's, else what follows. Raises UnreadableError where it does not say."""
    what, value = owner
    theirs = profile.get(what)
    if what == "id":
        if type(theirs) is not int:
            raise UnreadableError("a profile without id")
        same = str(theirs) == value
    elif what == "phone" and theirs in (None, ""):
        return Answer(Verdict.USER, Reason.IDENTITY_UNKNOWN)
    elif not isinstance(theirs, str):
        raise UnreadableError("a profile without address or number")
    else:
        same = fold_email(theirs) == value if what == "email" else _is_same_number(theirs, value)
    return None if same else Answer(Verdict.USER, Reason.IDENTITY_MISMATCH)


def _is_same_number(theirs: str, e164: str) -> bool:
    # Sites keep numbers the way their own country writes them (0532…); the country is that of the number we know.
    return phonenumbers.is_number_match(e164, theirs) in (
        phonenumbers.MatchType.EXACT_MATCH,
        phonenumbers.MatchType.NSN_MATCH,
    )


def _in_effect(profile: dict[str, Any], flags: dict[str, bool]) -> Answer:
    if not flags.keys() <= profile.keys():
        raise UnreadableError("a profile without the flags")
    # `call_allowed` may be null, where a site has no such channel: null allows nobody to call.
    seen = {flag: profile[flag] is True if profile[flag] is None else profile[flag] for flag in flags}
    return Answer(Verdict.SEEN) if seen == flags else Answer(Verdict.ACTION, Reason.NOT_IN_EFFECT)


def _forbidden(call: Call, response: httpx.Response) -> Answer:
    if _asks_for_login(response):
        return EXPIRED
    if b"csrf" in response.content.lower() and call.step not in NEXT:
        return Answer(Verdict.PROCEED, step="refetch") if call.step == "permissions" else REFUSED
    return refusal(response.status_code)


def _asks_for_login(response: httpx.Response) -> bool:
    # Django REST framework says 403 instead of 401 where a session is the only way in.
    return (
        response.status_code == httpx.codes.FORBIDDEN and b"credentials were not provided" in response.content.lower()
    )


def _cookie_header(cookies: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def _read_cookie(response: httpx.Response, name: str) -> str | None:
    for cookie in response.headers.get_list("set-cookie"):
        its_name, _, rest = cookie.partition("=")
        value = rest.partition(";")[0].strip().strip('"')
        if its_name.strip() == name and COOKIE_VALUE.fullmatch(value):
            return value
    return None
