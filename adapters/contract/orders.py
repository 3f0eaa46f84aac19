"""What is to be done at a vendor, for whom, and what a request of it may carry and costs."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from domain.outcomes import Reason
from domain.requests import Kind, Subject


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done at one vendor: the request's kind, and the vendor's own options for it."""

    kind: Kind
    options: Any = None  # an instance of the adapter's `options_model`
    people: int = 0  # how many the request is about; 0: not known, as if it were very many
    may_look: bool = True  # whether there is time to ask the vendor about each person first


@dataclass(frozen=True, slots=True)
class Call:
    """One sort of request to a vendor: a step of an order."""

    order: Order
    step: str


@dataclass(frozen=True, slots=True)
class Rate:
    """Which of a vendor's limits a request counts against, and with how many units."""

    bucket: str = ""  # "" is the one that `VendorSettings.requests_per_minute` bounds
    units: float = 1.0


class LookUps(NamedTuple):
    """So many calls of one rate."""

    rate: Rate
    calls: int


class Person(NamedTuple):
    """One person as one vendor is told of them. Never shown: a person has no place in a log."""

    line: int  # 1-based position in the request
    subject: Subject
    key: Any  # how this vendor knows them, as `address` made it
    carry: Any = None
    tried: bool = False  # an earlier attempt of ours may have reached the vendor
    interrupted: bool = False  # a worker vanished with this person; what it had sent is not known
    waited_for: frozenset[Reason] = frozenset()  # why this delivery has waited for someone before
    alone: bool = False  # to be sent without company, since a batch with this person was refused
    failed: int = 0  # how many attempts have failed so far

    def __repr__(self) -> str:
        return f"Person(line={self.line})"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request may carry."""

    people: int
    body_bytes: int = 1_000_000


class Addressed(NamedTuple):
    """A person a vendor can be told of: the vendor's own key for them, and the first step."""

    key: Any
    step: str

    def __repr__(self) -> str:
        return f"Addressed(step={self.step})"
