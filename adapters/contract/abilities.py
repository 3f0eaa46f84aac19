"""What only some vendors can do: second interfaces, each small, that an adapter has or has not."""

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
    """The steps that the call exercises: their address, and that we may use them. Where one of these fails for a few
    people while the call is answered well, it is about these people. It proves nothing of any other step."""

    def probe(self) -> httpx.Request:
        """A request that changes nothing."""

    def read_probe(self, response: httpx.Response) -> Answer:
        """APPLIED where address and credentials are right; else VENDOR, REAUTHENTICATE or RETRY with the reason."""


@runtime_checkable
class Meters(Protocol):
    """Second interface: the vendor has limits of their own for some calls. All others have the bucket "" only."""

    def buckets(self) -> Mapping[str, float]:
        """The limit of every bucket but "", in units a minute."""

    def rate(self, call: Call | None) -> Rate:
        """What one request of this call takes out of which bucket; None stands for a login or a probe."""

    def cost(self, call: Call, response: httpx.Response) -> float | None:
        """How many units the vendor says that the request has cost; None where it says nothing."""


@runtime_checkable
class ReadsBack(Protocol):
    """Second interface: what was done can be read back. Its answers are APPLIED (seen in effect), ABSENT, USER (seen
    not in effect), RETRY, AMBIGUOUS or VENDOR."""

    def reading(self, order: Order) -> str:
        """The step that begins a read-back, for `build` and `classify`; PROCEED leads on. "" where what this order does
        is not read back."""


@runtime_checkable
class KnowsWithoutSession(Protocol):
    """Second interface: people are known by something else than the session that opens their record, which is deleted
    once it was used."""

    def known_without_session(self, subject: Subject) -> frozenset[tuple[str, str]]:
        """What `known_by` said of this person when their session was there; empty where nothing given tells."""


@runtime_checkable
class LooksFirst(Protocol):
    """Second interface: an order may ask the vendor about each of its people before it changes anything, in calls of
    which there are few a minute."""

    @property
    def looks_up_to(self) -> int:
        """Requests of up to so many people may look first."""

    @property
    def longest_look_s(self) -> float:
        """Where the look-ups ahead and the order's own would take longer, the order goes out with `may_look` unset."""

    def look_ups(self, order: Order, subjects: Sequence[Subject]) -> LookUps | None:
        """The calls that ask about these people; None where the order does not look first."""


@runtime_checkable
class GroupsByCarry(Protocol):
    """Second interface: at some steps a request is about something that several people share, such as a job that was
    begun for all of them, or a page of a list."""

    grouped_at: ClassVar[frozenset[str]]
    """The steps at which only people with the same `carry` share a request, and nobody is asked for alone."""


@runtime_checkable
class ReadsAnything(Protocol):
    """Second interface: at some steps a page or a redirect says nothing of the vendor, and is the adapter's to read."""

    reads_anything_at: ClassVar[frozenset[str]]


@runtime_checkable
class SendsOnce(Protocol):
    """Second interface: a call of this vendor must not be repeated by itself, for it may do something to the person."""

    def if_lost(self, call: Call) -> Answer | None:
        """What it means for the person where the answer to this call is lost; None where it may be sent again."""
