"""Abilities of some vendors: small second interfaces, which an adapter may implement."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol, runtime_checkable

import httpx

from adapters.contract.answers import Answer
from adapters.contract.orders import Call, LookUps, Order, Rate
from domain.requests import Subject


@runtime_checkable
class Probes(Protocol):
    """Second interface: a harmless call tells whether the vendor's address and our credentials are right."""

    vouches_for: ClassVar[frozenset[str]]
    """The steps that the call exercises: their address, and our permission. Where one of these steps fails for a few
    people while the call succeeds, the failure is about these people. The call proves nothing about other steps."""

    def probe(self) -> httpx.Request:
        """A request that changes nothing."""

    def read_probe(self, response: httpx.Response) -> Answer:
        """APPLIED where address and credentials are right; else VENDOR, REAUTHENTICATE or RETRY with the reason."""


@runtime_checkable
class Meters(Protocol):
    """Second interface: the vendor has separate limits for some calls. All other vendors have only the bucket ""."""

    def buckets(self) -> Mapping[str, float]:
        """The limit of every bucket but "", in units a minute."""

    def rate(self, call: Call | None) -> Rate:
        """The bucket that one request of this call counts against, and its units. None stands for a login or a
        probe."""

    def cost(self, call: Call, response: httpx.Response) -> float | None:
        """How many units the request has cost by the vendor's answer; None where it does not say."""


@runtime_checkable
class ReadsBack(Protocol):
    """Second interface: what was done can be read back. The answers are APPLIED (seen in effect), ABSENT, USER (seen
    not in effect), RETRY, AMBIGUOUS or VENDOR."""

    def reading(self, order: Order) -> str:
        """The first step of a read-back, for `build` and `classify`; PROCEED names the next. "" where this order is not
        read back."""


@runtime_checkable
class KnowsWithoutSession(Protocol):
    """Second interface: people are known by something else than the session that opens their record. The session is
    deleted once used."""

    def known_without_session(self, subject: Subject) -> frozenset[tuple[str, str]]:
        """What `known_by` returned for this person while their session was there; empty where nothing tells."""


@runtime_checkable
class LooksFirst(Protocol):
    """Second interface: an order may ask the vendor about each of its people before it changes anything. Only few such
    calls are allowed a minute."""

    @property
    def looks_up_to(self) -> int:
        """How many people a request may have to look first."""

    @property
    def longest_look_s(self) -> float:
        """Where the lookups ahead and the order's own would take longer, the order is sent with `may_look` unset."""

    def look_ups(self, order: Order, subjects: Sequence[Subject]) -> LookUps | None:
        """The calls that ask about these people; None where the order does not look first."""


@runtime_checkable
class GroupsByCarry(Protocol):
    """Second interface: at some steps a request is about something that several people share, such as a job begun for
    all of them, or a page of a list."""

    grouped_at: ClassVar[frozenset[str]]
    """The steps at which only people with the same `carry` share a request, and nobody is sent alone."""


@runtime_checkable
class ReadsAnything(Protocol):
    """Second interface: at some steps a page or a redirect is no sign of a failure, and the adapter reads it."""

    reads_anything_at: ClassVar[frozenset[str]]


@runtime_checkable
class SendsOnce(Protocol):
    """Second interface: a call of this vendor must not be repeated automatically, because it may affect the person."""

    def if_lost(self, call: Call) -> Answer | None:
        """What it means for the person where the answer to this call is lost; None where it may be sent again."""
