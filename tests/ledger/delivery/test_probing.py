"""A held vendor is probed at intervals that double, and released once it answers."""

from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from adapters.contract import Answer, Verdict
from domain.outcomes import Reason
from ledger.delivery import vendors
from tasks.dispatch import dispatch
from tasks.toolbox import Toolbox
from tests.ledger.conftest import APPLIED, Desk, everybody, people
from tests.stubs import StubAdapter, StubExchange

FORBIDDEN = Answer(Verdict.VENDOR, Reason.BAD_CREDENTIALS)
FIRST_S, LONGEST_S = 10.0, 900.0


class Probing(StubAdapter):
    """Has a harmless call."""

    vouches_for = frozenset({"first"})

    def probe(self) -> httpx.Request:
        raise AssertionError("the exchange is a stub")

    def read_probe(self, response: httpx.Response) -> Answer:
        raise AssertionError("the exchange is a stub")


@dataclass
class Vouching(StubExchange):
    """Tells whether the vendor is well, and counts how often it was asked."""

    well: bool = False
    asked: list[None] = field(default_factory=list)

    async def vouches(self) -> bool:
        self.asked.append(None)
        return self.well


def hold(desk: Desk) -> None:
    with desk.engine.begin() as connection:
        assert vendors.strike(connection, 1, Reason.FORBIDDEN, limit=1, probe_after_s=FIRST_S)


def waits(desk: Desk, tools: Toolbox, times: int) -> list[int]:
    """After how many seconds each of the next probes comes, by the ledger: a busy machine's clock says less."""
    found: list[int] = []
    for _ in range(times):
        found.append(desk.one("SELECT CAST(probe_interval_s AS integer) FROM vendors WHERE name = 'insider'"))
        desk.pass_time(found[-1] + 0.01)
        desk.work_off(tools, runs=3)
        desk.queued.clear()
    return found


@pytest.fixture
def vouching(desk: Desk) -> tuple[Vouching, Toolbox]:
    exchange = Vouching(everybody(APPLIED), Probing())
    return exchange, desk.tools({"insider": exchange})


def test_a_harmless_call_is_made_at_intervals_that_double(desk: Desk, vouching: tuple[Vouching, Toolbox]) -> None:
    exchange, tools = vouching
    hold(desk)
    assert waits(desk, tools, 9) == [10, 20, 40, 80, 160, 320, 640, 900, 900]
    assert len(exchange.asked) == 9


def test_what_was_under_way_when_it_was_held_changes_no_interval(
    desk: Desk, vouching: tuple[Vouching, Toolbox]
) -> None:
    _, tools = vouching
    for _ in range(5):
        hold(desk)
    assert waits(desk, tools, 2) == [10, 20]
    hold(desk)
    assert waits(desk, tools, 2) == [40, 80]


def test_the_next_hold_begins_anew(desk: Desk, vouching: tuple[Vouching, Toolbox]) -> None:
    exchange, tools = vouching
    hold(desk)
    waits(desk, tools, 5)
    exchange.well = True
    waits(desk, tools, 1)
    with desk.engine.begin() as connection:
        assert vendors.all_vendors(connection)[0].held_at is None
    exchange.well = False
    hold(desk)
    assert waits(desk, tools, 2) == [10, 20]


def test_a_vendor_held_by_hand_is_not_asked(desk: Desk, vouching: tuple[Vouching, Toolbox]) -> None:
    exchange, tools = vouching
    hold(desk)
    with desk.engine.begin() as connection:
        vendors.hold(connection, "insider", "cli:ann")
    desk.pass_time(100_000.0)
    dispatch("insider", tools)
    assert exchange.asked == []


def test_where_there_is_no_harmless_call_one_chunk_is_let_through_as_rarely(desk: Desk) -> None:
    asked: list[float] = []

    def answering(_call: Any, batch: Any) -> list[Answer]:
        asked.append(0.0)
        return [FORBIDDEN] * len(batch)

    tools = desk.tools_for(answering)
    desk.submit(people(5))
    desk.work_off(tools, runs=3)
    desk.queued.clear()
    for _ in range(60):  # an hour, looked at every minute
        desk.pass_time(60.0)
        desk.work_off(tools, runs=3)
        desk.queued.clear()
    assert 6 <= len(asked) <= 10  # every minute would be 60
