"""What every vendor's adapter is: it builds requests and reads answers, and does no input or output."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

import httpx
from pydantic import BaseModel

from adapters.card import Card
from adapters.contract.answers import Answer
from adapters.contract.orders import Addressed, Call, Limits, Order, Person
from adapters.contract.settings import VendorOptions, VendorSettings
from domain.requests import Kind, Subject


class Plain:
    """The defaults of most vendors: no step has another form, and nobody comes with a session."""

    forms: ClassVar[Mapping[str, str]] = MappingProxyType({})
    keeps_sessions: ClassVar[bool] = False


class Adapter(Protocol):
    """Builds `httpx.Request`s and classifies `httpx.Response`s for one vendor. Frozen, pure, no secrets in its repr."""

    card: ClassVar[Card]
    """What this vendor can do, which data that reaches and what it cannot do (`adapters/cards/`)."""
    call_people: ClassVar[int]
    """How many people one request carries at most."""
    chunk_people: ClassVar[int]
    """How many people one Celery task carries at most; fewer where the limit is low (`adapters.portions`)."""
    settings_model: ClassVar[type[VendorSettings]]
    options_model: ClassVar[type[VendorOptions]]
    identifiers_model: ClassVar[type[BaseModel]]
    """A subject's `vendors.<name>` block."""
    forms: ClassVar[Mapping[str, str]]
    """Steps that are another form of a step, by name: what is known of one holds for the other."""
    keeps_sessions: ClassVar[bool]
    """Whether that block is a session: sealed apart, and deleted once used."""

    @property
    def name(self) -> str:
        """The vendor's name; with several accounts, the vendor's and the account's (`insider@brand`). A field of the
        adapter that defaults to the vendor's name."""

    @property
    def settings(self) -> VendorSettings: ...

    def address(self, order: Order, subject: Subject) -> Addressed | Answer:
        """The vendor's key for the person and the first step; or a final answer without sending."""

    def reach(self, kind: Kind) -> tuple[str, ...]:
        """The fields of the card's `found_by` by which `address` finds people for this kind, with these settings.
        Without any of them a person is UNREACHABLE. Empty where the vendor has no such operation: NOT_APPLICABLE."""

    def known_by(self, key: Any) -> frozenset[tuple[str, str]]:
        """Each identifier by which `address` found the person, as (kind, value), to compare two orders: orders that
        share one, once folded, reach the same record. Our user_id has the kind `user_id`."""

    def touches(self, order: Order) -> frozenset[str]:
        """What the order changes at the vendor, by name. An order that touches a superset does at least as much."""

    def steps(self, order: Order) -> frozenset[str]:
        """The steps that an order may take. While one of them is held, the order waits."""

    def limits(self, call: Call) -> Limits:
        """How much one request of this step may carry."""

    def build(self, call: Call, people: Sequence[Person]) -> httpx.Request:
        """The request for these people, at least one and at most `limits(call).people`, without a bearer token from
        `login`."""

    def classify(self, call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
        """One answer for each of `people`, in order. Answers that `triage` handles never get here, but 401 does.

        Raises UnreadableError where the body has not the vendor's form; the exchange decides what that means.
        """
