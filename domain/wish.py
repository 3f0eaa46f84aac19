"""One person's wish at one vendor, and how certainly two wishes are about one person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from uuid import UUID

from domain.outcomes import Outcome, Reason
from domain.requests import Kind


class State(StrEnum):
    """The state of a wish at one vendor."""

    ASIDE = "aside"  # not begun: it waits for a date or for a confirmation
    DUE = "due"  # will be sent, now or when it is retried
    IN_FLIGHT = "in_flight"  # a worker has it and may be sending it now
    STOPPING = "stopping"  # the same, but its request was cancelled
    YES = "yes"  # the vendor said yes
    WAITING = "waiting"  # for a person: a session, an identifier, a retry, the end of a legal hold
    REFUSED = "refused"  # the vendor will not accept it
    NOTHING = "nothing"  # the vendor has no such operation
    DROPPED = "dropped"  # superseded by a newer wish
    CANCELLED = "cancelled"


_BY_OUTCOME: Mapping[Outcome, State] = {
    Outcome.ACCEPTED: State.YES,
    Outcome.VERIFIED: State.YES,
    Outcome.ABSENT: State.YES,
    Outcome.NOT_APPLICABLE: State.NOTHING,
    Outcome.UNREACHABLE: State.WAITING,
    Outcome.WITHHELD: State.WAITING,
    Outcome.SUPERSEDED: State.DROPPED,
    Outcome.REFUSED: State.REFUSED,
    Outcome.NEEDS_ACTION: State.WAITING,
    Outcome.EXHAUSTED: State.WAITING,
    Outcome.CANCELLED: State.CANCELLED,
}


def state_of(kind: Kind, outcome: Outcome, reason: str | None) -> State:
    """The state of a wish whose delivery has ended."""
    if outcome is Outcome.ABSENT and kind is Kind.OPT_IN:
        return State.NOTHING  # the vendor knows nobody whom it could have subscribed
    if outcome is Outcome.NOT_APPLICABLE and reason == Reason.NO_IDENTIFIER:
        return State.WAITING
    return _BY_OUTCOME[outcome]


Key = tuple[str, str]
"""A kind of identifier and its value, as an adapter's `known_by` returns them."""


Order = tuple[datetime, bool, int]


def order_of(kind: Kind, effective_at: datetime, request: int) -> Order:
    """The order in which wishes of one key are sent: by effective time, an opt-in before a withdrawal, then by request
    number."""
    return effective_at, kind is not Kind.OPT_IN, request


@dataclass(frozen=True, slots=True)
class Wish:
    """One person's wish of one request, at one vendor."""

    kind: Kind
    effective_at: datetime  # never later than the receipt
    request: int  # numbers increase with time
    line: int
    state: State
    touches: frozenset[str]
    keys: frozenset[Key] | None = field(repr=False)  # empty: it has none at the vendor; None: unknown
    identifiers: Mapping[str, frozenset[UUID]] = field(repr=False)  # by kind, fingerprints

    @property
    def order(self) -> Order:
        """Its position among the wishes of its key."""
        return order_of(self.kind, self.effective_at, self.request)

    @property
    def withdraws(self) -> bool:
        """Whether it is a withdrawal."""
        return self.kind is not Kind.OPT_IN


class Same(IntEnum):
    """How certainly two wishes are about one person."""

    NO = 0  # two people
    MAYBE = 1  # they share an identifier and differ in none, or it is unknown
    KEY = 2  # one key at the vendor, two people: a family's e-mail address
    CERTAIN = 3  # one key at the vendor, and no user_id says otherwise


def same(one: Wish, other: Wish) -> Same:
    """How certainly two wishes are about one person at their vendor."""
    contradicted = {
        kind
        for kind in one.identifiers.keys() & other.identifiers.keys()
        if not one.identifiers[kind] & other.identifiers[kind]
    }
    if one.keys and other.keys and one.keys & other.keys:
        return Same.KEY if "user_id" in contradicted else Same.CERTAIN
    if not _share(one, other):
        return Same.NO
    if not contradicted:
        return Same.MAYBE
    if one.keys is None or other.keys is None:
        told = (one.keys or frozenset()) | (other.keys or frozenset())
        # Both are known by user_id, and these differ: two people. By anything else, the keys may have been equal.
        return Same.NO if told and {kind for kind, _ in told} <= contradicted else Same.MAYBE
    return Same.NO


def _share(one: Wish, other: Wish) -> bool:
    return any(
        one.identifiers[kind] & other.identifiers[kind] for kind in one.identifiers.keys() & other.identifiers.keys()
    )
