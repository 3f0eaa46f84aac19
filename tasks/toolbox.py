"""What the steps of a request's life need. The worker process builds it."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from adapters.contract import Adapter
from adapters.exchange import Exchange
from ledger.delivery.claiming import Claimed
from ledger.sealing import MasterKeys
from ledger.session import Engine
from tasks.slots import FairSlots

T = TypeVar("T")


@dataclass(frozen=True)
class Route:
    """A worker process's route to one vendor."""

    adapter: Adapter
    exchange: Exchange
    slots: FairSlots
    """For calls that count against the vendor's own limit."""
    others: Mapping[str, FairSlots] = field(default_factory=dict)
    """By bucket, for calls with a limit of their own."""

    def slots_of(self, bucket: str) -> FairSlots:
        """The slots for calls that count against this bucket."""
        return self.others.get(bucket, self.slots)


class Start(Protocol):
    """Runs coroutines on this process's event loop."""

    def __call__(self, work: Coroutine[Any, Any, T], /) -> "Future[T]":
        """Begin at once, from any thread."""


@dataclass(frozen=True)
class Toolbox:
    """Everything that a step needs."""

    engine: Engine
    masters: MasterKeys
    routes: Mapping[str, Route]
    start: Start = field(repr=False)
    send_deliver: Callable[[str, Sequence[Claimed]], None] = field(repr=False)
    """Sends a message for each chunk to a vendor's queue; raises tasks.queues.BrokerError."""
    stopping: Callable[[], bool] = field(repr=False)
    """Whether this process has been told to stop."""
    holder: str
    """The unique name under which this worker holds leases."""
    lease_s: float = 60.0
    verify_after_s: float = 60.0
    hold_after: int = 5
    probe_after_s: float = 10.0
    hand_over: Callable[[str], None] = field(default=lambda _: None, repr=False)
    """Asks processes that serve a vendor to look for its chunks. Losing the message costs a second, not a delivery."""
    wake_courier: Callable[[], None] = field(default=lambda: None, repr=False)
    """Says that there may be notices to send. Losing the message costs two seconds, not a notice."""
