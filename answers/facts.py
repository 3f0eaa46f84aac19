"""What an answer is made from: the facts of a request, or of one person of it, in no language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from adapters.card import Card
from domain.regulations import Regulation
from domain.requests import Kind

PENDING = "pending"


@dataclass(frozen=True)
class Ending:
    """Deliveries at a recipient that ended alike; `outcome` is of `domain.outcomes`, or `pending`."""

    outcome: str
    reason: str | None
    people: int
    first_at: datetime | None = None
    last_at: datetime | None = None
    accepted: bool = False
    """They cannot be found there, and somebody of the controller has accepted it."""


@dataclass(frozen=True)
class Recipient:
    """A vendor that the request went to."""

    name: str
    title: str
    """As a person reads it."""
    card: Card | None = field(repr=False)
    """None: this program does not know the vendor any more."""
    endings: tuple[Ending, ...]


@dataclass(frozen=True)
class Deed:
    """What somebody of the controller did to the request."""

    at: datetime
    by: str
    deed: str
    recipient: str | None
    because: str | None


@dataclass(frozen=True)
class Evidence:
    """Where the evidence log has what became of the request: the log's name, an index in it, and the root (base64) that
    stands there."""

    log: str
    entry: int
    root: str

    def text(self) -> str:
        """The same in three lines, as anyone who asks for a certificate or a proof may quote it."""
        return f"{self.log}\n{self.entry}\n{self.root}\n"


@dataclass(frozen=True)
class Facts:
    """A request as an answer tells of it. No field holds a whole identifier."""

    request_id: UUID
    kind: Kind
    status: str
    regulation: Regulation
    people: int
    asked_at: datetime
    received_at: datetime
    due_at: datetime
    as_of: datetime
    recipients: tuple[Recipient, ...]
    closed_at: datetime | None = None
    extended_from: datetime | None = None
    due_reason: str | None = None
    submitted_by: str = ""
    confirmed_by: str | None = None
    line: int | None = None
    """The one person of the request that it tells of; None: all of them."""
    person: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """Field to masked identifier, of that person."""
    deeds: tuple[Deed, ...] = ()
    more_deeds: bool = False
    """There are older ones."""
    forgotten: bool = False
    evidence: Evidence | None = None

    def count(self, *outcomes: str) -> int:
        """How many deliveries ended as one of these."""
        return sum(
            ending.people for one in self.recipients for ending in one.endings if ending.outcome in set(outcomes)
        )
