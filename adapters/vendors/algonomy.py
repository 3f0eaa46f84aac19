"""Algonomy (RichRelevance) Profile Command API. The vendor's page "Profile Command API", read 2026-11-22."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, Field

from adapters.by_user_id import UserIdentifiers, known_by_user_id, user_id_of
from adapters.card import Card
from adapters.cards.algonomy import CARD
from adapters.contract import (
    Addressed,
    Answer,
    Call,
    ClientSecret,
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
from adapters.reading import OAUTH_ERRORS, read_bearer, read_error
from adapters.triage import NO_SEGMENT, OF_ONE, refusal
from adapters.writing import json_request
from domain.outcomes import Reason
from domain.requests import Kind, Subject

ERRORS = MappingProxyType({**OAUTH_ERRORS, "invalid_token": Answer(Verdict.REAUTHENTICATE, Reason.BAD_CREDENTIALS)})
"""The page distinguishes errors by the body's `error` and gives no status, so the field is checked before the
status."""

REFUSALS = MappingProxyType(
    {
        **OF_ONE,
        401: Answer(Verdict.REAUTHENTICATE, Reason.BAD_CREDENTIALS),
        404: Answer(Verdict.USER, Reason.UNKNOWN_PERSON, needs_witness=True),
    }
)

APPLIED = Answer(Verdict.APPLIED)
LIMITS = Limits(people=1)


class AlgonomySettings(VendorSettings):
    """CONSENT_ALGONOMY__…"""

    base_url: str = "https://gateway.richrelevance.com/profile-command/v1"
    client_id: str = Field(min_length=1)
    client_secret: ClientSecret
    allow_opt_in: bool = Field(
        default=False, description="send opt-ins: the vendor's pages disagree on whether an opt-out can be undone"
    )


class AlgonomyOptions(VendorOptions):
    """Algonomy has no options."""


@dataclass(frozen=True)
class Algonomy(Plain):
    """One person a call. It removes the history and blocks new data, so an opt-out is as strong as an erasure here."""

    settings: AlgonomySettings = field(repr=False)
    name: str = "algonomy"

    card: ClassVar[Card] = CARD
    call_people: ClassVar[int] = LIMITS.people
    chunk_people: ClassVar[int] = 1_000
    settings_model: ClassVar[type[VendorSettings]] = AlgonomySettings
    options_model: ClassVar[type[VendorOptions]] = AlgonomyOptions
    identifiers_model: ClassVar[type[BaseModel]] = UserIdentifiers
    vouches_for: ClassVar[frozenset[str]] = frozenset({"opt_out"})

    def address(self, order: Order, subject: Subject) -> Addressed | Answer:
        """By `vendors.algonomy.user_id`, else `user_id`."""
        if not self._is_on(order.kind):
            return Answer(Verdict.NOT_APPLICABLE, Reason.SWITCHED_OFF)
        key = user_id_of(subject, self.name)
        if isinstance(key, Answer):
            return key
        return Answer(Verdict.USER, Reason.REJECTED) if key in NO_SEGMENT else Addressed(key, "opt_out")

    def reach(self, kind: Kind) -> tuple[str, ...]:
        """As on the card."""
        return CARD.found_by if self._is_on(kind) else ()

    def known_by(self, key: str) -> frozenset[tuple[str, str]]:
        """The user id alone."""
        return known_by_user_id(key)

    def touches(self, order: Order) -> frozenset[str]:
        """The opt-out. Setting it also removes the history, which an opt-in does not restore."""
        return frozenset({"opt_out"} if order.kind is Kind.OPT_IN else {"opt_out", "history"})

    def steps(self, order: Order) -> frozenset[str]:
        """One call does everything."""
        return frozenset({"opt_out"})

    def limits(self, call: Call) -> Limits:
        """The person is in the path, so a call holds one."""
        return LIMITS

    def build(self, call: Call, people: Sequence[Person]) -> httpx.Request:
        """`PUT /optOut/{userId}`. The page's table says string, its example sends a JSON boolean. We send a boolean."""
        (person,) = people
        url = f"{self.settings.base_url}/optOut/{quote(person.key, safe='')}"
        return json_request("PUT", url, {"type": "optOut", "enableOptOut": call.order.kind is not Kind.OPT_IN})

    def classify(self, call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
        """Any 2xx without an `error` is a yes; its body is normally empty."""
        return [_meaning(response)] * len(people)

    def login(self) -> httpx.Request:
        """`POST /oauth2/token`. The page's heading says `oath2`, its text `oauth2`."""
        return httpx.Request(
            "POST",
            f"{self.settings.base_url}/oauth2/token",
            data={
                "grant_type": "client_credentials",
                "client_id": self.settings.client_id,
                "client_secret": self.settings.client_secret.get_secret_value(),
            },
        )

    def read_token(self, response: httpx.Response) -> Token | Answer:
        """The page gives no expiry: a token is valid until it is refused, or as long as its answer says."""
        return read_bearer(response)

    def probe(self) -> httpx.Request:
        """Asks for a token, which changes nothing and checks both the address and the credentials."""
        return self.login()

    def read_probe(self, response: httpx.Response) -> Answer:
        """APPLIED where a token came."""
        try:
            token = self.read_token(response)
        except UnreadableError:
            return Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS)
        return token if isinstance(token, Answer) else APPLIED

    def _is_on(self, kind: Kind) -> bool:
        return kind is not Kind.OPT_IN or self.settings.allow_opt_in


def _meaning(response: httpx.Response) -> Answer:
    error = read_error(response)
    if error and error in ERRORS:
        return ERRORS[error]
    if not response.is_success:
        return REFUSALS.get(response.status_code) or refusal(response.status_code)
    if error is not None:
        return Answer(Verdict.AMBIGUOUS, Reason.UNREADABLE)  # both a yes and an error
    return APPLIED
