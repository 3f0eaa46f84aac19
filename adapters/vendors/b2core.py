"""B2CORE IB profiles. The vendor's page "Profiles", read 2026-11-22; the token call from its public page "Basic access
authentication"."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar

import httpx
from pydantic import BaseModel

from adapters.b2core.profile import (
    Profile,
    after_contact,
    after_list,
    at_of,
    is_same_uuid,
    look_again,
    path_of,
    read_id,
    read_rows,
)
from adapters.b2core.settings import B2coreIdentifiers, B2coreOptions, B2coreSettings
from adapters.card import Card
from adapters.cards.b2core import CARD
from adapters.contract import (
    Addressed,
    Answer,
    Call,
    Limits,
    Order,
    Person,
    Plain,
    Token,
    UnreadableError,
    VendorOptions,
    VendorSettings,
    Verdict,
)
from adapters.reading import read_bearer, read_block, read_object
from adapters.triage import NO_SEGMENT, OF_ONE, refusal
from domain.outcomes import Reason
from domain.requests import Kind, Subject

METHODS = MappingProxyType(
    {
        "find": "GET",
        "contacts": "GET",
        "contact": "DELETE",
        "profile": "DELETE",
        "gone": "GET",
        "enabled": "PATCH",
        "changed": "GET",
        "read": "GET",
    }
)
"""The steps. Erasure: find, contacts and contact… until the list is empty, profile, and gone where its deletion was
accepted for later. Opt-out, opt-in and an erasure that disables: find, enabled, and changed where the change was
accepted for later."""
DELETING = frozenset({"find", "contacts", "contact", "profile", "gone"})
SWITCHING = frozenset({"find", "enabled", "changed"})

REFUSALS = MappingProxyType(
    {
        **OF_ONE,
        409: Answer(Verdict.ACTION, Reason.CONFLICT),  # somebody must resolve the conflict there, then retry
    }
)
LIMITS = Limits(people=1)
NOBODY = "consent-worker-probe"


@dataclass(frozen=True)
class B2core(Plain):
    """One profile a call. Its contacts are deleted one by one before it."""

    settings: B2coreSettings = field(repr=False)
    name: str = "b2core"

    card: ClassVar[Card] = CARD
    call_people: ClassVar[int] = LIMITS.people
    chunk_people: ClassVar[int] = 500
    settings_model: ClassVar[type[VendorSettings]] = B2coreSettings
    options_model: ClassVar[type[VendorOptions]] = B2coreOptions
    identifiers_model: ClassVar[type[BaseModel]] = B2coreIdentifiers
    vouches_for: ClassVar[frozenset[str]] = frozenset(METHODS)

    def address(self, order: Order, subject: Subject) -> Addressed | Answer:
        """By `vendors.b2core.profile_id`, else found by `vendors.b2core.uuid`, else by uuid = `user_id`."""
        if not self._is_on(order.kind):
            return Answer(Verdict.NOT_APPLICABLE, Reason.SWITCHED_OFF)
        known = read_block(subject, self.name, B2coreIdentifiers)
        if known is None or known.profile_id in NO_SEGMENT:
            return Answer(Verdict.USER, Reason.REJECTED)
        if known.profile_id:
            return Addressed(Profile(profile_id=known.profile_id), self._first_step(order))
        uuid = known.uuid or subject.get("user_id")
        return Addressed(Profile(uuid=uuid), "find") if uuid else Answer(Verdict.UNREACHABLE, Reason.NO_IDENTIFIER)

    def reach(self, kind: Kind) -> tuple[str, ...]:
        """As on the card."""
        return CARD.found_by if self._is_on(kind) else ()

    def known_by(self, key: Profile) -> frozenset[tuple[str, str]]:
        """The profile's id, or the uuid that finds it, which is our user_id."""
        return frozenset({("profile_id", key.profile_id) if key.profile_id else ("user_id", key.uuid)})

    def touches(self, order: Order) -> frozenset[str]:
        """Whether the profile is enabled; for an erasure that deletes, also the profile and its contacts."""
        return frozenset({"enabled", "profile", "contacts"} if self._deletes(order) else {"enabled"})

    def steps(self, order: Order) -> frozenset[str]:
        """The steps of its conversation, beginning with finding the profile."""
        return DELETING if self._deletes(order) else SWITCHING

    def limits(self, call: Call) -> Limits:
        """The profile is in the path, so a call holds one."""
        return LIMITS

    def build(self, call: Call, people: Sequence[Person]) -> httpx.Request:
        """The plural `/profiles/{profileId}` throughout: the page's `PUT /profile/` is a mistake."""
        (person,) = people
        at = at_of(person)
        url = f"{self.settings.base_url}/profiles" + path_of(call.step, at)
        body = {"enabled": call.order.kind is Kind.OPT_IN} if call.step == "enabled" else None
        return httpx.Request(METHODS[call.step], url, headers=self._headers(), json=body)

    def classify(self, call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
        """What each step's answer means. A 404 has a special meaning in every step but `find`."""
        return [self._meaning(call, person, response) for person in people]

    def login(self) -> httpx.Request | None:
        """`POST /tokens` with Basic credentials; None where a token was given."""
        if self.settings.client_id is None or self.settings.client_secret is None:
            return None
        url = f"{self.settings.base_url}/tokens"
        request = httpx.Request("POST", url, json={"grant_type": "client_credentials"})
        basic = httpx.BasicAuth(self.settings.client_id, self.settings.client_secret.get_secret_value())
        return next(basic.auth_flow(request))

    def read_token(self, response: httpx.Response) -> Token | Answer:
        """`access_token` of the public page, which gives `expires_in` in milliseconds."""
        return read_bearer(response, unit_s=0.001)

    def probe(self) -> httpx.Request:
        """Looks for a profile that nobody has. This checks address and token, and that the filter that we rely on
        works, without reading anyone's data."""
        url = f"{self.settings.base_url}/profiles?limit=1&filter%5Buuid%5D={NOBODY}"
        return httpx.Request("GET", url, headers=self._headers())

    def read_probe(self, response: httpx.Response) -> Answer:
        """APPLIED for an empty list."""
        if not response.is_success:
            refused = self._refusal(response.status_code)
            about_us = refused.verdict in (Verdict.VENDOR, Verdict.REAUTHENTICATE)
            return refused if about_us else Answer(Verdict.VENDOR, Reason.MISCONFIGURED)
        try:
            rows = read_rows(response)
        except UnreadableError:
            return Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS)
        return Answer(Verdict.VENDOR, Reason.MISCONFIGURED) if rows else Answer(Verdict.APPLIED)

    def reading(self, order: Order) -> str:
        """The profile by its id, else by its uuid."""
        return "read"

    def _is_on(self, kind: Kind) -> bool:
        # The vendor has no field for consent. Disabling an account may be more than the person asked for.
        return {Kind.OPT_OUT: self.settings.opt_out_disables, Kind.OPT_IN: self.settings.opt_in_enables}.get(kind, True)

    def _deletes(self, order: Order) -> bool:
        return order.kind is Kind.ERASURE and self.settings.erasure == "delete"

    def _first_step(self, order: Order) -> str:
        return "contacts" if self._deletes(order) else "enabled"

    def _way(self, order: Order) -> Reason | None:
        """The reason to record with a good outcome where an erasure only disabled the profile."""
        return Reason.DISABLED if order.kind is Kind.ERASURE and not self._deletes(order) else None

    def _headers(self) -> dict[str, str]:
        token = self.settings.token
        return {} if token is None else {"Authorization": f"Bearer {token.get_secret_value()}"}

    def _meaning(self, call: Call, person: Person, response: httpx.Response) -> Answer:
        at, status = at_of(person), response.status_code
        if status == httpx.codes.NOT_FOUND and call.step != "find":
            return self._not_found(call, person, at)
        if not response.is_success:
            return self._refusal(status)
        match call.step:
            case "find":
                return self._found(call, person, read_rows(response))
            case "contacts":
                return after_list(at, [read_id(row, "contactId") for row in read_rows(response)])
            case "contact":
                return after_contact(replace(at, met=True))
            case "profile" if status == httpx.codes.ACCEPTED or response.content.strip():
                # Accepted but not done yet, or a body where the page says there is none: check whether it is gone.
                taken = status == httpx.codes.ACCEPTED
                return Answer(Verdict.PROCEED, step="gone", carry=replace(at, met=True, taken=taken))
            case "profile":
                return Answer(Verdict.APPLIED)
            case "gone":
                return look_again(at, "gone") if at.taken else Answer(Verdict.RETRY, Reason.PENDING_AT_VENDOR)
            case "enabled" if status == httpx.codes.ACCEPTED:
                return look_again(at, "changed")
            case "enabled":
                return self._as_asked(call, at, read_object(response), Verdict.ACTION)
            case "changed":
                seen = self._as_asked(call, at, read_object(response), Verdict.WAITING)
                return look_again(at, "changed") if seen.verdict is Verdict.WAITING else seen
        return self._read_back(call, person, response)

    def _refusal(self, status: int) -> Answer:
        if status == httpx.codes.UNAUTHORIZED and self.settings.token is None:
            return Answer(Verdict.REAUTHENTICATE, Reason.BAD_CREDENTIALS)
        return REFUSALS.get(status) or refusal(status)

    def _not_found(self, call: Call, person: Person, at: Profile) -> Answer:
        # Until the vendor has shown this profile, a 404 may come from a wrong address, at a second attempt too.
        doubt = not at.met
        match call.step:
            case "contacts":  # neither profile nor contacts exist
                return Answer(Verdict.PROCEED, step="profile", carry=at, needs_witness=doubt)
            case "contact":  # already gone
                return after_contact(at)
            case "profile" if at.met or person.tried:  # deleted by us or by somebody else
                return Answer(Verdict.APPLIED, needs_witness=doubt)
            case "gone":
                return Answer(Verdict.APPLIED)
            case "read" if self._deletes(call.order):
                return Answer(Verdict.APPLIED, needs_witness=doubt)
        if call.order.kind is Kind.OPT_IN:
            return Answer(Verdict.USER, Reason.UNKNOWN_PERSON, needs_witness=doubt)
        return Answer(Verdict.ABSENT, needs_witness=doubt)

    def _found(self, call: Call, person: Person, rows: Sequence[dict[str, Any]]) -> Answer:
        at = at_of(person)
        if not all(is_same_uuid(row.get("uuid"), at.uuid) for row in rows):
            return Answer(Verdict.VENDOR, Reason.MISCONFIGURED)  # the filter was ignored: these are other people
        if not rows and call.order.kind is Kind.OPT_IN:
            return Answer(Verdict.USER, Reason.UNKNOWN_PERSON)
        if not rows:
            ours = self._deletes(call.order) and person.tried  # deleted by us, and the answer was lost
            return Answer(Verdict.APPLIED if ours else Verdict.ABSENT)
        if len(rows) > 1:
            return Answer(Verdict.USER, Reason.NOT_UNIQUE)
        profile = replace(at, profile_id=read_id(rows[0], "profileId"), met=True)
        return Answer(Verdict.PROCEED, step=self._first_step(call.order), carry=profile)

    def _as_asked(self, call: Call, at: Profile, profile: dict[str, Any], otherwise: Verdict) -> Answer:
        if (at.profile_id and profile.get("profileId") != at.profile_id) or not isinstance(
            profile.get("enabled"), bool
        ):
            raise UnreadableError("not the profile that was asked for")
        as_asked = profile["enabled"] is (call.order.kind is Kind.OPT_IN)
        return Answer(Verdict.APPLIED, self._way(call.order)) if as_asked else Answer(otherwise, Reason.NOT_IN_EFFECT)

    def _read_back(self, call: Call, person: Person, response: httpx.Response) -> Answer:
        """`read`: one profile by its id, or a list by its uuid."""
        at = at_of(person)
        if at.profile_id:
            profile = read_object(response)
        else:
            found = self._found(call, person, read_rows(response))
            if found.verdict is not Verdict.PROCEED:
                gone = found.verdict is Verdict.ABSENT and self._deletes(call.order)
                return Answer(Verdict.APPLIED) if gone else found
            profile = read_rows(response)[0]
        if self._deletes(call.order):
            return Answer(Verdict.USER, Reason.NOT_IN_EFFECT)
        return self._as_asked(call, at, profile, Verdict.USER)
