"""Akinon profile permissions. The vendor's page "Profile", read 2026-11-22. The step for a CSRF token follows its
public page "Getting Started" and its public storefront, read 2026-11-29. The behaviour of tokens and cookies follows
Django, which its sites seem to run on (inferred)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

import httpx
from pydantic import BaseModel

from adapters.akinon.owner import owner_of, refuse_stranger
from adapters.akinon.settings import FLAGS, AkinonIdentifiers, AkinonOptions, AkinonSettings
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
from adapters.cookies import COOKIE_VALUE, cookie_header, read_cookie
from adapters.reading import read_block, read_json, read_object
from adapters.triage import refusal
from adapters.writing import fixed
from domain.outcomes import Reason
from domain.requests import Kind, Subject

LIMITS = Limits(people=1)
WRITES = MappingProxyType(
    {
        "identify": "permissions",
        "token": "permissions",
        "refetch": "permissions_again",
        "token_again": "permissions_again",
    }
)
"""The write that follows each step of looking. A refused CSRF token is fetched again once."""
TOKENS = MappingProxyType({"identify": "token", "refetch": "token_again"})
"""The step that asks for a CSRF token, where the profile came without one."""
TOKEN_NAMES = ("csrf_token", "csrfToken", "csrftoken", "csrfmiddlewaretoken", "token")
"""The body's fields that may hold the token. The first is that of the vendor's public storefront."""

EXPIRED = Answer(Verdict.ACTION, Reason.SESSION_EXPIRED)
REFUSED = Answer(Verdict.ACTION, Reason.SESSION_REFUSED)
CODE_SENT = Answer(Verdict.ACTION, Reason.CODE_SENT)
CODE_UNCERTAIN = Answer(Verdict.ACTION, Reason.CODE_UNCERTAIN)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person's session, and who its owner must be."""

    session_id: str = field(repr=False)
    csrf_token: str | None = field(repr=False)
    owner: tuple[str, str] = field(repr=False)  # ("id" | "email" | "phone", …)
    code: str | None = field(default=None, repr=False)  # the code that the site sent the person by SMS, if it did


@dataclass(frozen=True, slots=True)
class Draft:
    """What a look at the profile found, for the write that follows."""

    token: str | None = field(repr=False)
    clear: tuple[str, ...] = ()  # fields that have a value and are to be emptied


@dataclass(frozen=True)
class Akinon:
    """One person a call, with that person's own session. `identify` checks whose session it is before `permissions`
    writes with it."""

    settings: AkinonSettings = field(repr=False)
    name: str = "akinon"

    card: ClassVar[Card] = CARD
    call_people: ClassVar[int] = LIMITS.people
    chunk_people: ClassVar[int] = 500
    settings_model: ClassVar[type[VendorSettings]] = AkinonSettings
    options_model: ClassVar[type[VendorOptions]] = AkinonOptions
    identifiers_model: ClassVar[type[BaseModel]] = AkinonIdentifiers
    forms: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "refetch": "identify",
            "token_again": "token",
            "permissions_again": "permissions",
            "permissions_alone": "permissions",
        }
    )
    keeps_sessions: ClassVar[bool] = True
    reads_anything_at: ClassVar[frozenset[str]] = frozenset(TOKENS.values())
    vouches_for: ClassVar[frozenset[str]] = frozenset({"identify", "permissions"})

    def address(self, order: Order, subject: Subject) -> Addressed | Answer:
        """By the session given: nothing else opens a profile here."""
        known = read_block(subject, self.name, AkinonIdentifiers)
        if known is None:
            return Answer(Verdict.USER, Reason.REJECTED)
        if known.session_id is None:
            return Answer(Verdict.UNREACHABLE, Reason.NO_IDENTIFIER)
        values = [known.session_id] + ([] if known.csrf_token is None else [known.csrf_token])
        if not all(COOKIE_VALUE.fullmatch(value) for value in values):
            return Answer(Verdict.USER, Reason.REJECTED)
        owner = owner_of(known, subject)
        if owner is None:
            return Answer(Verdict.USER, Reason.IDENTITY_UNKNOWN)
        return Addressed(Visitor(known.session_id, known.csrf_token, owner, known.code), "identify")

    def reach(self, kind: Kind) -> tuple[str, ...]:
        """As on the card."""
        return CARD.found_by

    def known_by(self, key: Visitor) -> frozenset[tuple[str, str]]:
        """The owner that the session must have. The session itself differs between requests."""
        return frozenset({key.owner})

    def known_without_session(self, subject: Subject) -> frozenset[tuple[str, str]]:
        """The owner that the session had to have."""
        known = read_block(subject, self.name, AkinonIdentifiers)
        owner = owner_of(known, subject) if known is not None else None
        return frozenset() if owner is None else frozenset({owner})

    def touches(self, order: Order) -> frozenset[str]:
        """The flags that are set; for an erasure also the fields that are emptied."""
        return frozenset([*self._flags(order), *self._cleared(order)])

    def steps(self, order: Order) -> frozenset[str]:
        """Look at the profile, then write; again where a CSRF token is refused. A site that requires the fields which
        an erasure empties stops erasures only."""
        alone = ["permissions_alone"] if self._cleared(order) else []
        return frozenset([*WRITES, *WRITES.values(), *alone])

    def limits(self, call: Call) -> Limits:
        """A session belongs to one person."""
        return LIMITS

    def build(self, call: Call, people: Sequence[Person]) -> httpx.Request:
        """GET to look, PATCH with only what changes: never a PUT, and never `phone`, which would send a code."""
        (person,) = people
        cookies = {self.settings.session_cookie: person.key.session_id}
        if call.step in WRITES:
            url = self._url() if call.step in TOKENS else fixed(f"{self.settings.base_url}/csrf_token/")
            return httpx.Request("GET", url, headers={"Cookie": cookie_header(cookies)})
        draft: Draft = person.carry
        assert draft.token is not None  # noqa: S101 - no step leads here without one
        cookies[self.settings.csrf_cookie] = draft.token
        headers = {
            "Cookie": cookie_header(cookies),
            "X-CSRFToken": draft.token,
            "Referer": f"{self.settings.base_url}/",  # Django refuses a write over https without it
        }
        changes: dict[str, Any] = {**self._flags(call.order), **dict.fromkeys(draft.clear)}
        if self.settings.loyalty and person.key.code:
            changes |= {"code": person.key.code, "resend": False}
        return httpx.Request("PATCH", self._url(), headers=headers, json=changes)

    def classify(self, call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
        """A yes is a 200 that shows the flags as asked for, in the intended person's profile."""
        return [self._meaning(call, person, response) for person in people]

    def if_lost(self, call: Call) -> Answer | None:
        """With loyalty a write may have sent the person a code. Another write would send a second one."""
        return CODE_UNCERTAIN if self.settings.loyalty and call.step not in WRITES else None

    def probe(self) -> httpx.Request:
        """Looks at a profile without a session. There are no credentials of ours to check."""
        return httpx.Request("GET", self._url())

    def read_probe(self, response: httpx.Response) -> Answer:
        """An answer that asks to log in means that the API is at this address."""
        if response.status_code == httpx.codes.UNAUTHORIZED or _asks_for_login(response):
            return Answer(Verdict.APPLIED)
        refused = refusal(response.status_code)
        return refused if refused.verdict is Verdict.VENDOR else Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS)

    def _url(self) -> httpx.URL:
        # The slash at the end is needed: without it Django redirects, and a redirected write is lost.
        page = "profile-with-loyalty" if self.settings.loyalty else "profile"
        return fixed(f"{self.settings.base_url}/users/{page}/")

    def _flags(self, order: Order) -> dict[str, bool]:
        if order.kind is Kind.OPT_IN:
            named = order.options.flags if order.options else None
            return dict.fromkeys(named or self.settings.opt_in_flags, True)
        return dict.fromkeys(FLAGS, False)

    def _cleared(self, order: Order) -> tuple[str, ...]:
        return self.settings.clear if order.kind is Kind.ERASURE else ()

    def _meaning(self, call: Call, person: Person, response: httpx.Response) -> Answer:
        if response.status_code == httpx.codes.OK and call.step in TOKENS:
            return self._look(call, person, response)
        if response.is_success and call.step in self.reads_anything_at:
            return _go_on(call, person.carry, read_cookie(response, self.settings.csrf_cookie) or _read_token(response))
        writing = call.step not in WRITES
        match response.status_code:
            case 200:
                profile = read_object(response)
                return refuse_stranger(profile, person.key.owner) or self._in_effect(call, profile)
            case 202 if writing:
                # A code went to the person. Nothing has changed, and asking again would send another code.
                return CODE_SENT
            case 400 if writing and person.key.code and b'"code"' in response.content:
                return Answer(Verdict.ACTION, Reason.CODE_REFUSED)
            case 400 if writing and person.carry.clear:
                # A site can require fields (`USER_REQUIRED_FIELDS`). The permissions must still be changed.
                bare = Draft(person.carry.token)
                return Answer(Verdict.PROCEED, step="permissions_alone", carry=bare, needs_witness=True)
            case 400:
                return Answer(Verdict.USER, Reason.REJECTED)
            case 401:
                return EXPIRED
            case 403:
                return _forbidden(call, person, response)
            case _ if call.step in self.reads_anything_at:
                return REFUSED  # this site has no such step: only a token that comes with the session helps
            case status if status >= 400:
                return refusal(status)
        raise UnreadableError("a yes that the page does not have")

    def _look(self, call: Call, person: Person, response: httpx.Response) -> Answer:
        """What follows the profile that a session opens."""
        profile = read_object(response)
        stranger = refuse_stranger(profile, person.key.owner)
        if stranger:
            return stranger
        if self.settings.loyalty and person.key.code is None:
            sent = Reason.CODE_SENT in person.waited_for
            if sent or person.interrupted:
                said = self._in_effect(call, profile)
                return said if said.verdict is Verdict.SEEN else CODE_SENT if sent else CODE_UNCERTAIN
        fresh = read_cookie(response, self.settings.csrf_cookie)
        token = person.key.csrf_token or fresh
        if call.step == "refetch":  # the refused token is of no use
            token = fresh if fresh != person.carry.token else None
        clear = tuple(name for name in self._cleared(call.order) if profile.get(name) not in (None, ""))
        return _go_on(call, Draft(token, clear), token)

    def _in_effect(self, call: Call, profile: dict[str, Any]) -> Answer:
        """SEEN where a profile shows the flags as asked for and the fields empty. A missing flag counts as off: older
        sites have no WhatsApp, and `call_allowed` is null where a site has no such channel."""
        flags = self._flags(call.order)
        if flags.keys().isdisjoint(profile):
            raise UnreadableError("a profile without the flags")
        as_asked = all((profile.get(flag) is True) if on else _is_off(profile.get(flag)) for flag, on in flags.items())
        empty = all(profile.get(name) in (None, "") for name in self._cleared(call.order))
        if as_asked and call.step == "permissions_alone":
            return Answer(Verdict.USER, Reason.REJECTED, certain=True)  # it accepted the permissions, and not the rest
        return Answer(Verdict.SEEN) if as_asked and empty else Answer(Verdict.ACTION, Reason.NOT_IN_EFFECT)


def _go_on(call: Call, draft: Draft, token: str | None) -> Answer:
    if token:
        return Answer(Verdict.PROCEED, step=WRITES[call.step], carry=Draft(token, draft.clear))
    # Without a token Django refuses every write, so where none was found, nothing is sent.
    step = TOKENS.get(call.step)
    return Answer(Verdict.PROCEED, step=step, carry=draft) if step else REFUSED


def _read_token(response: httpx.Response) -> str | None:
    if not response.content:
        return None
    document = read_json(response)
    told = [document.get(name) for name in TOKEN_NAMES] if isinstance(document, dict) else []
    return next((token for token in told if isinstance(token, str) and COOKIE_VALUE.fullmatch(token)), None)


def _is_off(flag: object) -> bool:
    return flag is None or flag is False


def _forbidden(call: Call, person: Person, response: httpx.Response) -> Answer:
    if _asks_for_login(response):
        return EXPIRED
    if b"csrf" in response.content.lower() and call.step not in WRITES:
        again = Answer(Verdict.PROCEED, step="refetch", carry=person.carry, needs_witness=True)
        return again if call.step == "permissions" else REFUSED
    return refusal(response.status_code)


def _asks_for_login(response: httpx.Response) -> bool:
    # Django REST framework answers 403 instead of 401 where a session is the only way to log in.
    return (
        response.status_code == httpx.codes.FORBIDDEN and b"credentials were not provided" in response.content.lower()
    )
