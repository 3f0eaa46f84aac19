"""What the steps of a request's life work with; the worker process puts it together."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from adapters.contract import Adapter
from adapters.exchange import Exchange
from ledger.sealing import MasterKeys
from ledger.session import Engine


@dataclass(frozen=True)
class Line:
    """A worker process's way to one vendor."""

    adapter: Adapter
    exchange: Exchange
    slots: asyncio.Semaphore


@dataclass(frozen=True)
class Toolbox:
    """Everything a step needs, and nothing it would have to look for."""

    engine: Engine
    masters: MasterKeys
    lines: Mapping[str, Line]
    start: Callable[[Coroutine[Any, Any, None]], "Future[None]"] = field(repr=False)
    """Runs a coroutine on this process's event loop."""
    send_deliver: Callable[[str, list[int]], None] = field(repr=False)
    """Sends a message for each chunk to a vendor's queue; raises tasks.queues.BrokerError."""
    stopping: Callable[[], bool] = field(repr=False)
    """Whether this process has been told to stop."""
    lease_s: float = 60.0
    hold_after: int = 5
    probe_after_s: float = 10.0
