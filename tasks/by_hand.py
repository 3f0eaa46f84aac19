"""Hands deliveries to recipients without an API over to people: each becomes a task that waits for somebody.

They go the way of all deliveries, so wishes are compared, dates and holds obeyed. But nothing is queued for them, and
nothing is sent.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from adapters.contract import Answer, Call, Person
from adapters.exchange import Exchange
from adapters.manual import PEOPLE, TASK, Manual
from domain.by_hand import ByHand
from domain.requests import Kind
from ledger import by_hand
from ledger.delivery import vendors
from ledger.session import Connection
from tasks.deliver import deliver
from tasks.dispatch import dispatch
from tasks.slots import FairSlots
from tasks.toolbox import Route, Toolbox


@dataclass(frozen=True)
class _Desk:
    """In the place of an exchange: a person has to ask."""

    adapter: Manual

    async def ask(self, _: Call, people: Sequence[Person]) -> list[Answer]:
        return [TASK] * len(people)


def announce(connection: Connection, recipients: dict[str, ByHand]) -> None:
    """Record the recipients without an API that the settings name, and by which fields they find people."""
    vendors.announce(connection, dict.fromkeys(recipients, PEOPLE))
    reach = {name: {kind.value: one.found_by for kind in Kind} for name, one in recipients.items()}
    vendors.describe(connection, reach)
    by_hand.announce(connection, recipients)


def hand_over(tools: Toolbox) -> int:
    """Make tasks for people of everything that is due at recipients without an API; returns how many chunks that were.
    Safe to run twice, or in several processes."""
    with tools.engine.connect() as connection:
        recipients = by_hand.recipients(connection)
    return sum(_hand_over(name, one, tools) for name, one in recipients.items())


def _hand_over(name: str, recipient: ByHand, tools: Toolbox) -> int:
    adapter = Manual(name, recipient)
    due: deque[int] = deque()
    route = Route(cast("Any", adapter), cast("Exchange", _Desk(adapter)), FairSlots(1))
    ours = replace(
        tools,
        routes={name: route},
        send_deliver=lambda _, claimed: due.extend(chunk.chunk_id for chunk in claimed),
    )
    dispatch(name, ours)
    chunks = 0
    while due and not tools.stopping():
        deliver(due.popleft(), ours)  # it claims what is due next, too
        chunks += 1
    return chunks
