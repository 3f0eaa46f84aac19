"""Zendra Privacy API (api.zendra.example), read 2026-11-29."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar

import httpx
from pydantic import BaseModel

from adapters.by_user_id import UserIdentifiers, known_by_user_id, user_id_of
from adapters.card import Card
from adapters.cards.zendra import CARD
from adapters.contract import (
    Addressed,
    Answer,
    Call,
    HeaderSecret,
    Limits,
    Order,
    Person,
    Plain,
    UnreadableError,
    VendorOptions,
    VendorSettings,
    Verdict,
)
from adapters.reading import read_object
from adapters.triage import refusal
from adapters.writing import json_request
from domain.outcomes import Reason
from domain.requests import Kind, Subject

STEPS = MappingProxyType({Kind.ERASURE: "erase", Kind.OPT_OUT: "stop", Kind.OPT_IN: "resume"})
SEEN = MappingProxyType({Kind.ERASURE: "erased", Kind.OPT_OUT: "stopped", Kind.OPT_IN: "active"})
"""The `state` of a person for whom it was done."""
STATES = frozenset({"active", "stopped", "erased"})
MEANS = MappingProxyType(
    {
        "done": Answer(Verdict.APPLIED),
        "unknown": Answer(Verdict.ABSENT),
        "busy": Answer(Verdict.RETRY, Reason.BUSY),
        "invalid": Answer(Verdict.USER, Reason.REJECTED),
    }
)
UNREADABLE = Answer(Verdict.AMBIGUOUS, Reason.UNREADABLE)
LIMITS = Limits(people=50)


class ZendraSettings(VendorSettings):
    """CONSENT_ZENDRA__…"""

    base_url: str = "https://api.zendra.example/v2"
    api_key: HeaderSecret


class ZendraOptions(VendorOptions):
    """Zendra has no options."""


@dataclass(frozen=True)
class Zendra(Plain):
    """Fifty people a call, one step for each kind, and `state` to read back."""

    settings: ZendraSettings = field(repr=False)
    name: str = "zendra"

    contract_version: ClassVar[int] = 1
    card: ClassVar[Card] = CARD
    call_people: ClassVar[int] = LIMITS.people
    chunk_people: ClassVar[int] = 1_000
    settings_model: ClassVar[type[VendorSettings]] = ZendraSettings
    options_model: ClassVar[type[VendorOptions]] = ZendraOptions
    identifiers_model: ClassVar[type[BaseModel]] = UserIdentifiers
    vouches_for: ClassVar[frozenset[str]] = frozenset()

    def address(self, order: Order, subject: Subject) -> Addressed | Answer:
        """By `vendors.zendra.user_id`, else `user_id`."""
        key = user_id_of(subject, self.name)
        return key if isinstance(key, Answer) else Addressed(key, STEPS[order.kind])

    def reach(self, kind: Kind) -> tuple[str, ...]:
        """As on the card."""
        return CARD.found_by

    def known_by(self, key: str) -> frozenset[tuple[str, str]]:
        """The user id alone."""
        return known_by_user_id(key)

    def touches(self, order: Order) -> frozenset[str]:
        """Whether messages are sent; an erasure also the profile."""
        return frozenset({"messages", "profile"} if order.kind is Kind.ERASURE else {"messages"})

    def steps(self, order: Order) -> frozenset[str]:
        """One call does everything."""
        return frozenset({STEPS[order.kind]})

    def limits(self, call: Call) -> Limits:
        """Fifty in every call. The page gives no size; fifty of our longest ids are under 100,000 bytes."""
        return LIMITS

    def build(self, call: Call, people: Sequence[Person]) -> httpx.Request:
        """Two people with one id are sent once: the vendor answers by id."""
        ids = list(dict.fromkeys(person.key for person in people))
        url = f"{self.settings.base_url}/privacy/{call.step}"
        return json_request("POST", url, {"ids": ids}, headers=self._key())

    def classify(self, call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
        """By each person's own row: missing or contradicting rows are no answer."""
        if not response.is_success:
            return [_refused(response)] * len(people)
        said = _statuses(response)
        return [self._meaning(call, said.get(person.key, set())) for person in people]

    def probe(self) -> httpx.Request:
        """`GET /account`: the address and the key."""
        return httpx.Request("GET", f"{self.settings.base_url}/account", headers=self._key())

    def read_probe(self, response: httpx.Response) -> Answer:
        """APPLIED where the vendor names our account."""
        if not response.is_success:
            refused = _refused(response)
            return Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS) if refused.verdict is Verdict.SPLIT else refused
        try:
            named = isinstance(read_object(response).get("account"), str)
        except UnreadableError:
            named = False
        return Answer(Verdict.APPLIED) if named else Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS)

    def reading(self, order: Order) -> str:
        """The person's state."""
        return "state"

    def _key(self) -> dict[str, str]:
        return {"X-Zendra-Key": self.settings.api_key.get_secret_value()}

    def _meaning(self, call: Call, said: set[str]) -> Answer:
        if len(said) != 1:
            return UNREADABLE
        (status,) = said
        if call.step != "state" or status not in STATES:
            return MEANS.get(status, UNREADABLE)
        in_effect = status == SEEN[call.order.kind] or (status == "erased" and call.order.kind is Kind.OPT_OUT)
        return Answer(Verdict.APPLIED) if in_effect else Answer(Verdict.USER, Reason.NOT_IN_EFFECT)


def _refused(response: httpx.Response) -> Answer:
    if response.status_code == httpx.codes.UNAUTHORIZED:
        return Answer(Verdict.VENDOR, Reason.BAD_CREDENTIALS)
    return refusal(response.status_code)


def _statuses(response: httpx.Response) -> dict[str, set[str]]:
    """By id, the statuses in its rows. Raises UnreadableError."""
    rows = read_object(response).get("results")
    if not isinstance(rows, list):
        raise UnreadableError("a list of results was expected")
    said: dict[str, set[str]] = {}
    for row in rows:
        if isinstance(row, dict) and isinstance(row.get("id"), str):
            said.setdefault(row["id"], set()).add(str(row.get("status")))
    return said
