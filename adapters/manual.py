"""A recipient without an API: who a person is there, and what an order does. Nothing is ever sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn

import httpx
from pydantic import BaseModel

from adapters.card import Card, Operation
from adapters.contract import (
    Addressed,
    Answer,
    Call,
    Limits,
    Order,
    Person,
    Plain,
    VendorIdentifiers,
    VendorOptions,
    VendorSettings,
    Verdict,
)
from domain.by_hand import ByHand
from domain.outcomes import Reason
from domain.requests import Kind, Subject

PEOPLE = 5_000
"""How many people are handed over at a time."""
STEP = "ask"
TASK = Answer(Verdict.ACTION, Reason.MANUAL)
"""The answer for everybody: somebody has to ask the recipient."""
NOWHERE = VendorSettings(base_url="https://by-hand.invalid", requests_per_minute=60 * PEOPLE)


class ManualIdentifiers(VendorIdentifiers):
    """It has no identifiers of its own."""


class ManualOptions(VendorOptions):
    """It has no options."""


@dataclass(frozen=True)
class Manual(Plain):
    """Such a recipient as an adapter, so that wishes are compared there as everywhere. A person who has one of its
    fields can be found there."""

    name: str
    recipient: ByHand
    settings: VendorSettings = field(default=NOWHERE, repr=False)

    call_people: ClassVar[int] = PEOPLE
    chunk_people: ClassVar[int] = PEOPLE
    settings_model: ClassVar[type[VendorSettings]] = VendorSettings
    options_model: ClassVar[type[VendorOptions]] = ManualOptions
    identifiers_model: ClassVar[type[BaseModel]] = ManualIdentifiers

    @property
    def card(self) -> Card:
        """What can be said of it: that a person asks it."""
        title, fields = self.recipient.title, " or ".join(self.recipient.found_by)
        asked = Operation(
            summary="asked by hand",
            done=f"{title} was asked by hand, and a person has noted that it was done.",
            reaches=self.recipient.does or "what the recipient does is its own",
            leaves="",
        )
        return Card(
            title=title,
            pages=(),
            known_by=fields,
            found_by=self.recipient.found_by,
            give=fields,
            credentials=(),
            limits=(),
            operations=MappingProxyType(dict.fromkeys(Kind, (asked,))),
            cannot=("It has no API.",),
            quirks=(),
        )

    def address(self, order: Order, subject: Subject) -> Addressed | Answer:
        """By every one of its fields that is given."""
        known = tuple((name, value) for name in self.recipient.found_by if (value := subject.get(name)))
        return Addressed(known, STEP) if known else Answer(Verdict.UNREACHABLE, Reason.NO_IDENTIFIER)

    def reach(self, kind: Kind) -> tuple[str, ...]:
        """Its fields."""
        return self.recipient.found_by

    def known_by(self, key: Any) -> frozenset[tuple[str, str]]:
        """Each field that was given."""
        return frozenset(key)

    def touches(self, order: Order) -> frozenset[str]:
        """An erasure does more than an opt-out."""
        return frozenset({"contact", "data"} if order.kind is Kind.ERASURE else {"contact"})

    def steps(self, order: Order) -> frozenset[str]:
        """One: a person asks."""
        return frozenset({STEP})

    def limits(self, call: Call) -> Limits:
        """As many as are handed over at a time."""
        return Limits(people=PEOPLE, body_bytes=1 << 40)

    def build(self, call: Call, people: Sequence[Person]) -> NoReturn:
        """Nothing is ever sent."""
        raise AssertionError("nothing is sent to a recipient without an API")

    def classify(self, call: Call, people: Sequence[Person], response: httpx.Response) -> NoReturn:
        """Nothing ever answers."""
        raise AssertionError("a recipient without an API gives no answer")
