"""What is to be done at a vendor, for whom, and how much a request may carry and costs."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from domain.outcomes import Reason
from domain.requests import Kind, Subject


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done at one vendor: the request's kind, and the vendor's own options."""

    kind: Kind
    options: Any = None  # an instance of the adapter's `options_model`
    people: int = 0  # how many the request is about; 0: unknown, treated as very many
    may_look: bool = True  # whether there is time to ask the vendor about each person first


@dataclass(frozen=True, slots=True)
class Call:
    """One sort of request to a vendor: a step of an order."""

    order: Order
    step: str


@dataclass(frozen=True, slots=True)
class Rate:
    """The limit that a request counts against, and its units."""

    bucket: str = ""  # "" is the one that `VendorSettings.requests_per_minute` bounds
    units: float = 1.0


class LookUps(NamedTuple):
    """A number of calls with one rate."""

    rate: Rate
    calls: int


class Person(NamedTuple):
    """One person as one vendor is told of them. The repr shows nothing: a person must not get into a log."""

    line: int  # 1-based position in the request
    subject: Subject
    key: Any  # the vendor's key for them, as `address` returned it
    carry: Any = None
    tried: bool = False  # an earlier attempt of ours may have reached the vendor
    interrupted: bool = False  # a worker vanished with this person; what it had sent is unknown
    waited_for: frozenset[Reason] = frozenset()  # why this delivery has waited for a person before
    alone: bool = False  # to be sent alone, because a batch with this person was refused
    failed: int = 0  # how many attempts have failed so far

    def __repr__(self) -> str:
        return f"Person(line={self.line})"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request may carry."""

    people: int
    body_bytes: int = 1_000_000


class Addressed(NamedTuple):
    """A person whom the vendor can be told of: the vendor's own key, and the first step."""

    key: Any
    step: str

    def __repr__(self) -> str:
        return f"Addressed(step={self.step})"
