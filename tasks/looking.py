"""Schedules lookups where a vendor allows few of them a minute."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from adapters.contract import LooksFirst, Order
from domain.retry import Setback
from ledger.delivery.pending import OpenPerson
from tasks.toolbox import Route, Start

AT_ONCE_S = 2.0
"""Lookups that are due within this begin now, and wait for their permits."""


class Turn(NamedTuple):
    """The order to send, the people to send now, and those who rest until their lookups are due."""

    order: Order
    now: list[OpenPerson]
    later: list[Setback]


def take_turn(
    route: Route, start: Start, order: Order, due: list[OpenPerson], history: Mapping[int, Setback], *, now: float
) -> Turn:
    """Book the lookups of people who are new in the line of all lookups. Those whose lookup is due later rest until
    then, and hold no slot. Where it would be too late, nobody is looked up. `now`: by the ledger's clock (epoch)."""
    adapter = route.adapter
    new = [one for one in due if one.line not in history]  # the others had their turn
    looks = adapter.look_ups(order, [one.subject for one in new]) if new and isinstance(adapter, LooksFirst) else None
    if looks is None or not isinstance(adapter, LooksFirst):
        return Turn(order, due, [])
    booking = route.exchange.permits.book(looks.rate, looks.calls, adapter.longest_look_s)
    wait_s = start(booking).result()
    if wait_s is None:
        return Turn(replace(order, may_look=False), due, [])
    if wait_s <= AT_ONCE_S:
        return Turn(order, due, [])
    resting = Setback(0, now, now + wait_s, tuple(one.line for one in new))
    return Turn(order, [one for one in due if one.line in history], [resting])
