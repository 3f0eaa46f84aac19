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
    """What most vendors are: no step has another form, and nobody comes with a session."""

    forms: ClassVar[Mapping[str, str]] = MappingProxyType({})
    keeps_sessions: ClassVar[bool] = False


class Adapter(Protocol):
    """Builds `httpx.Request`s and classifies `httpx.Response`s for one vendor. Frozen, pure, no secrets in its repr."""

    card: ClassVar[Card]
    """What this vendor can do, how far it reaches and what it cannot (`adapters/cards/`)."""
    call_people: ClassVar[int]
    """How many people one request carries at the most."""
    chunk_people: ClassVar[int]
    """How many people one Celery task carries at the most; fewer where the limit is low (`adapters.portions`)."""
    settings_model: ClassVar[type[VendorSettings]]
    options_model: ClassVar[type[VendorOptions]]
    identifiers_model: ClassVar[type[BaseModel]]
    """What a subject's `vendors.<name>` block may hold."""
    forms: ClassVar[Mapping[str, str]]
    """Steps that are another form of a step, by name: what is known of one is known of the other."""
    keeps_sessions: ClassVar[bool]
    """Whether that block is a session: sealed apart, and deleted as soon as it has been used."""

    @property
    def name(self) -> str:
        """The vendor's; of one of several accounts, the vendor's and the account's (`insider@brand`). A field of the
        adapter with the vendor's name for its default."""

    @property
    def settings(self) -> VendorSettings: ...

    def address(self, order: Order, subject: Subject) -> Addressed | Answer:
        """How this vendor knows the person and the step to begin with; or a final answer without sending."""

    def reach(self, kind: Kind) -> tuple[str, ...]:
        """Those of the card's `found_by` by which `address` finds people for this kind, as the settings are: of whom
        none is given is UNREACHABLE. Empty where the vendor has no such operation: NOT_APPLICABLE."""

    def known_by(self, key: Any) -> frozenset[tuple[str, str]]:
        """Each identifier by which `address` found the person, as (kind, value), for comparing two orders: those that
        share one, once folded, reach the same record of the vendor. What is our user_id is of kind `user_id`."""

    def touches(self, order: Order) -> frozenset[str]:
        """What the order changes at the vendor, by name. An order that touches a superset does at least as much."""

    def steps(self, order: Order) -> frozenset[str]:
        """The steps that an order may take: while one of them is held at the vendor, the order waits."""

    def limits(self, call: Call) -> Limits:
        """How much one request of this step may carry."""

    def build(self, call: Call, people: Sequence[Person]) -> httpx.Request:
        """The request for these people, at least one and at most `limits(call).people`; without a bearer token that
        `login` would fetch."""

    def classify(self, call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
        """One answer for each of `people`, in order. What `triage` knows never reaches this; 401 does.

        Raises UnreadableError where the body is not what the vendor sends; the exchange decides what that means.
        """
