"""The card of a vendor: what it can do, which data that reaches and what it cannot do, as data.

`docs/vendors.md`, `consent export` and the HTTP API take their words from it, so that nothing about a vendor is written
twice. The cards are in `adapters/cards/`, one a vendor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from domain.effects import DESTROYING, Effect, Remainder
from domain.kinds import Kind
from domain.outcomes import Outcome, Reason


class Source(StrEnum):
    """Where a figure or statement comes from."""

    PAGE = "the vendor's page"
    PUBLIC = "another public page of the vendor"
    OURS = "a default of ours, the vendor names none"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the vendor that the adapter was written from."""

    title: str
    read: date
    address: str = ""
    """Its public address; empty for the page that came with the contract."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What the vendor must give us before anything can be sent."""

    settings: tuple[str, ...]
    """Names of fields of the adapter's settings."""
    words: str


@dataclass(frozen=True, slots=True)
class CallLimit:
    """The limits of one sort of call: people in one call, and calls a minute."""

    calls: str
    """The calls that share this limit, in words."""
    people: int
    source: Source
    setting: str = "requests_per_minute"
    """The field of the adapter's settings that holds the number of requests a minute."""
    body_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """What an erasure, the most expensive kind, takes for one person. Capacity is planned with it, and the chaos audit
    uses it as the bound on how often one person may be changed."""

    calls: float
    """In a large request, with its read-back: below 1 where a call carries several people."""
    changes: int
    """How many of these calls change something of the person, at most."""
    calls_alone: float | None = None
    """In a request of one person, where that takes other steps."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One way in which the vendor performs one kind of request."""

    summary: str
    """A few words for a table."""
    done: str
    """What was done to a person for whom it succeeded: a sentence in the past tense, true of every such person."""
    reaches: str
    """Which of the person's data it reaches."""
    leaves: str
    """What the vendor may still hold of the person afterwards, as far as its pages say; empty where an opt-in leaves
    nothing."""
    read_back: str = ""
    """What exactly was seen where the outcome is `verified`; empty where nothing can be read back."""
    setting: str = ""
    """The setting that switches it on (`allow_opt_in`) or chooses it (`erasure=disable`)."""
    way: Reason | None = None
    """The reason recorded with the outcome where this way was taken; None for the usual way."""
    effects: tuple[Effect, ...] = ()
    """What `done` says, for the person and in any language; empty: the answer only says that it was carried out."""
    remains: tuple[Remainder, ...] = ()
    """What `leaves` says, likewise."""

    def destroys(self, kind: Kind) -> bool:
        """Whether it destroys data of the person, so that a legal hold withholds it. Where it names no effects, an
        erasure does, and nothing else."""
        return not DESTROYING.isdisjoint(self.effects) if self.effects else kind is Kind.ERASURE


@dataclass(frozen=True, slots=True)
class Card:
    """An adapter's description of its vendor."""

    title: str
    pages: tuple[Page, ...]
    known_by: str
    """How the vendor identifies a person, in words."""
    found_by: tuple[str, ...]
    """The fields of a person (`user_id`, `vendors.algonomy.user_id`), any of which is enough to find them there."""
    give: str
    """What to provide for a person who cannot be found there, in a few words."""
    credentials: tuple[Credential, ...]
    limits: tuple[CallLimit, ...]
    operations: Mapping[Kind, tuple[Operation, ...]]
    """Every way of each kind that the vendor has, the usual one first. A kind that it lacks is left out."""
    cannot: tuple[str, ...]
    """What this API cannot do at all: sentences."""
    quirks: tuple[str, ...]
    """Where the vendor differs from what one would expect: sentences."""
    work: Work = Work(calls=1, changes=1)
    recipient: str = ""
    """The name of the company, as a person reads it in an answer; empty: the title."""

    def ways(self, kind: Kind) -> tuple[Operation, ...]:
        """Every way of a kind; none where the vendor has no such operation."""
        return self.operations.get(kind, ())

    def operation(self, kind: Kind, way: Reason | None = None) -> Operation:
        """The way that was taken; the usual one where `way` names none of this vendor's. Raises LookupError where the
        vendor has no such operation."""
        ways = self.ways(kind)
        return next((one for one in ways if one.way is way), ways[0])

    def destroys(self, kind: Kind, settings: object) -> bool:
        """Whether a request of this kind destroys data of people, with these settings of the adapter."""
        return any(one.destroys(kind) for one in self._chosen(kind, settings))

    def _chosen(self, kind: Kind, settings: object) -> Sequence[Operation]:
        """The ways that the settings choose (`erasure=disable`); where they choose none, the usual ones."""
        choices = [(one, *one.setting.partition("=")[::2]) for one in self.ways(kind) if "=" in one.setting]
        chosen = [one for one, field, value in choices if str(getattr(settings, field, "")) == value]
        return chosen or [one for one in self.ways(kind) if "=" not in one.setting]


ENDINGS: Mapping[Outcome, str] = MappingProxyType(
    {
        Outcome.ABSENT: "Nothing was changed: the vendor holds nothing under what we were given.",
        Outcome.NOT_APPLICABLE: "Nothing was sent: there was nothing to do at this vendor.",
        Outcome.UNREACHABLE: "Nothing was sent: we were given nothing by which this vendor knows the person.",
        Outcome.WITHHELD: "Not done: a legal hold keeps this person's data; what destroys it waits for its end.",
        Outcome.SUPERSEDED: "Not done: a newer request of this person took its place.",
        Outcome.REFUSED: "Not done, or not to the end: the vendor refused it.",
        Outcome.NEEDS_ACTION: "Not done, or not seen in effect: someone must act first.",
        Outcome.EXHAUSTED: "Not known to be done: it still failed after the last attempt.",
        Outcome.CANCELLED: "Not known to be done: the request was withdrawn before its end.",
    }
)
"""The sentence for an outcome where the vendor's operation was not done, the same for all vendors."""
GONE = "The vendor said yes, to an operation that it no longer has."


def say_what_was_done(card: Card, kind: Kind, outcome: Outcome, reason: Reason | None) -> str:
    """What was done for one person, how certain that is, and what it did not reach.

    `verified` is only said of what was read back.
    """
    if outcome in ENDINGS:
        return ENDINGS[outcome]
    if not card.ways(kind):
        return GONE
    operation = card.operation(kind, reason)
    if outcome is Outcome.VERIFIED and operation.read_back:
        known = f"Read back: {operation.read_back}."
    elif operation.read_back:
        known = "The vendor said yes; it has not been read back."
    else:
        known = "The vendor said yes; it cannot be read back."
    return " ".join([operation.done, known] + ([f"Not reached: {operation.leaves}."] if operation.leaves else []))
